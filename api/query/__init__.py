"""The query string: included resources, fields, filters, sorting and pages."""

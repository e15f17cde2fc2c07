"""The API's documentation: an OpenAPI document for programs, a page for people."""

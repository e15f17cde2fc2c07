"""The query string: what is included, shown, filtered, sorted, and which page."""

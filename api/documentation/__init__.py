"""What the API tells of itself: an OpenAPI document for programs, a page for people."""

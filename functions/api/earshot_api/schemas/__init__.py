"""What requests and answers look like; validation and the OpenAPI document follow these."""

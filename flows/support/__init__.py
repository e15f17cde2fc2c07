"""What all flows share: the flow decorator, the forms, stop signals, the shared client."""

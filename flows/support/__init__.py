"""The parts that all flows share: the flow decorator, forms, stop signals, the shared client."""

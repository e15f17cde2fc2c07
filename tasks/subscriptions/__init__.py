"""Order subscriptions: finding due periods, recording their copies, counting the outcomes."""

"""Order subscriptions: which are due, their copies, and what is noted of them afterwards."""

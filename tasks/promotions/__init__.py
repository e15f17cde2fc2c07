"""Promotions, coupons and prices of today: what a copy is worth when it is not frozen."""

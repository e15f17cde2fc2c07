"""Promotions, coupons and current prices: the amounts of copies that are not frozen."""

"""Webhooks: signed posts to addresses that operators give. They may lead nowhere inside: see `addresses`."""

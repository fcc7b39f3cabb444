"""Serving to phones in the local network: an address, a certificate of one's own, and a page that says how to trust it.

Browsers keep apps for offline use, and let pages use a camera, only where the connection is secure. In a local network
nobody issues certificates, so this machine has an authority of its own, which a phone trusts once.
"""

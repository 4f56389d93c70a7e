"""The telephone: three ways in (gather, relay, stream), one call object, one engine (DESIGN 8, CHANNELS 2)."""

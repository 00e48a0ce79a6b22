"""The bench behind a queue: bluesky-queueserver runs plans that other processes send, and this is what it runs them with.

`startup` is the module that the server's worker imports; `server` starts the server. Decision 029.
"""

"""litellm's functions for what is neither a chat nor a vector, with litellm's parameters in litellm's order.

Arguments, settings and exceptions are as for `completion`; each function's twin for coroutines has an `a` before its name.
Cancelling the task of such a twin ends the request.
"""

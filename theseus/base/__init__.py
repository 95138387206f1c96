"""The nouns a user imports.

Here: frozen values and what can be said of them alone. Never here: anything outside the standard
library, anything newer than Python 3.9, anything that contacts another machine; these modules
travel to the remote side.
"""

"""The pure half of theseus: values in, values out.

Nothing below this package reads a clock, a file, an environment variable, a socket or chance.
"""

"""Perform: carries out a plan's steps, through a shell or as a printout, a recording, a replay."""

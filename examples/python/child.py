"""Signals Go from Python: descriptors 3 and 4 are eventfds that were inherited."""

import os
import select
import sys

if not hasattr(os, "eventfd_write"):  # Python 3.10, Linux
    print("left out: os.eventfd_write needs Python 3.10, this is", sys.version.split()[0])
    sys.exit(77)

for count in 1, 20, 300:
    os.eventfd_write(3, count)

# Descriptor 4 is non-blocking, so wait before the read.
select.select([4], [], [])
os.eventfd_write(3, 1000 * os.eventfd_read(4))

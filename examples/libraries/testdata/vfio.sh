#!/bin/sh
# Gives a PCI device to vfio-pci, and runs the program with it.
set -eu
echo vfio-pci >"/sys/bus/pci/devices/$1/driver_override"
echo "$1" >/sys/bus/pci/drivers_probe
exec /vfio "$1"

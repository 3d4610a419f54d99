//go:build linux && cgo

// Command vfio receives the interrupts of a PCI device in a Go select. Its argument is the
// address of a device that the driver vfio-pci has, and that is QEMU's "edu", which
// interrupts on command. It exits with status 1 if an interrupt does not arrive.
package main

/*
#include <linux/vfio.h>

// This is for one interrupt. vfio_irq_set ends with a flexible array, which cgo does not show.
struct irq { struct vfio_irq_set set; __s32 fd; };
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"syscall"
	"time"
	"unsafe"

	"github.com/eventchan/eventchan/notify"
)

const interrupts = 100

func ioctl(fd uintptr, name string, request uintptr, argument unsafe.Pointer) uintptr {
	result, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
	if errno != 0 {
		log.Fatal(name, ": ", errno)
	}
	return result
}

func openFile(path string) *os.File {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		log.Fatal(err)
	}
	return f
}

// openDevice opens the device at a PCI address, in a container of its own.
func openDevice(address string) *os.File {
	group, err := os.Readlink("/sys/bus/pci/devices/" + address + "/iommu_group")
	if err != nil {
		log.Fatal(err)
	}
	c, g := openFile("/dev/vfio/vfio"), openFile("/dev/vfio/"+filepath.Base(group))
	container := C.int(c.Fd())
	ioctl(g.Fd(), "VFIO_GROUP_SET_CONTAINER", C.VFIO_GROUP_SET_CONTAINER, unsafe.Pointer(&container))
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, c.Fd(), C.VFIO_SET_IOMMU, C.VFIO_TYPE1_IOMMU); errno != 0 {
		log.Fatal("VFIO_SET_IOMMU: ", errno)
	}
	name := append([]byte(address), 0)
	fd := ioctl(g.Fd(), "VFIO_GROUP_GET_DEVICE_FD", C.VFIO_GROUP_GET_DEVICE_FD, unsafe.Pointer(&name[0]))
	return os.NewFile(fd, address)
}

// write writes to a register of the device.
func write(device *os.File, region C.__u32, at int64, value []byte) {
	info := C.struct_vfio_region_info{argsz: C.sizeof_struct_vfio_region_info, index: region}
	ioctl(device.Fd(), "VFIO_DEVICE_GET_REGION_INFO", C.VFIO_DEVICE_GET_REGION_INFO, unsafe.Pointer(&info))
	if _, err := device.WriteAt(value, int64(info.offset)+at); err != nil {
		log.Fatal(err)
	}
}

func main() {
	device := openDevice(os.Args[1])
	n, err := notify.New()
	if err != nil {
		log.Fatal(err)
	}
	defer n.Close()
	irq := C.struct_irq{fd: C.__s32(n.FD())}
	irq.set = C.struct_vfio_irq_set{argsz: C.sizeof_struct_irq, index: C.VFIO_PCI_MSI_IRQ_INDEX, count: 1}
	irq.set.flags = C.VFIO_IRQ_SET_DATA_EVENTFD | C.VFIO_IRQ_SET_ACTION_TRIGGER
	ioctl(device.Fd(), "VFIO_DEVICE_SET_IRQS", C.VFIO_DEVICE_SET_IRQS, unsafe.Pointer(&irq))

	const command, memoryAndMaster, raise = 4, 2 | 4, 0x60
	write(device, C.VFIO_PCI_CONFIG_REGION_INDEX, command, []byte{memoryAndMaster, 0})
	for range interrupts {
		write(device, C.VFIO_PCI_BAR0_REGION_INDEX, raise, binary.LittleEndian.AppendUint32(nil, 1))
	}
	late := time.After(time.Minute)
	for got := uint64(0); got < interrupts; {
		select {
		case signals := <-n.C():
			got += signals
		case <-late:
			log.Fatalf("%d interrupts of %d arrived", got, interrupts)
		}
	}
	irq.set.flags, irq.set.count = C.VFIO_IRQ_SET_DATA_NONE|C.VFIO_IRQ_SET_ACTION_TRIGGER, 0
	ioctl(device.Fd(), "VFIO_DEVICE_SET_IRQS", C.VFIO_DEVICE_SET_IRQS, unsafe.Pointer(&irq)) // before Close
	fmt.Printf("%d interrupts\n", interrupts)
}

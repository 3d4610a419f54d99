#!/bin/sh
# Runs a program, which needs no shared library, in a virtual machine: with /dev/kvm, since
# QEMU emulates a processor of AMD's with its virtualization, and with a PCI device that
# vfio-pci has, 0000:00:02.0. The kernel is Debian's, and is installed nowhere.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/root/bin" "$dir/root/dev" "$dir/root/sys"
cp "$1" "$dir/root/program"
cd "$dir"

image=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-\)/\1/p')
apt-get -qq -oAcquire::Retries=3 -oAPT::Sandbox::User= download "$image" busybox-static
for package in *.deb; do dpkg-deb -x "$package" .; done

cp bin/busybox root/bin/
ln -s busybox root/bin/sh
modules=
for module in irqbypass kvm kvm-amd iommufd vfio vfio_virqfd vfio_iommu_type1 vfio-pci-core vfio-pci; do
	file=$(find lib -name "$module.ko*")
	case $file in
	'') continue ;; # some are part of another module, or of the kernel
	*.xz) xz -dc "$file" >"root/$module.ko" ;;
	*) cp "$file" "root/$module.ko" ;;
	esac
	modules="$modules $module"
done
cat >root/init <<END
#!/bin/sh
busybox mount -t devtmpfs dev /dev
busybox mount -t sysfs sys /sys
for module in $modules; do busybox insmod /\$module.ko; done
device=/sys/bus/pci/devices/0000:00:02.0
echo vfio-pci >\$device/driver_override
echo 0000:00:02.0 >/sys/bus/pci/drivers_probe
/program 0000:00:02.0 && echo "ended with status 0"
busybox poweroff -f
END
chmod +x root/init
(cd root && find . | ../bin/busybox cpio -o -H newc | gzip -1 >../initramfs.gz) 2>/dev/null
# The limit is for a test that does not wait any longer.
timeout 170 qemu-system-x86_64 -accel tcg,thread=single -machine q35 -cpu max -m 512 -nodefaults -no-user-config -display none -no-reboot \
	-device intel-iommu -device edu,addr=2 -serial stdio -kernel boot/vmlinuz-* -initrd initramfs.gz \
	-append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check intel_iommu=on" </dev/null | tr -d '\r'

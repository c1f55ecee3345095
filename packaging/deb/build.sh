#!/bin/sh
# Makes sekimori-agent and sekimori-server into BUILD/deb: build.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$(cat "$top/VERSION")
arch=$(dpkg --print-architecture)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$build/deb"

depends() { # root: the shared libraries' packages, by dpkg-shlibdeps
	mkdir -p "$work/shlib/debian"
	printf 'Source: sekimori\n\nPackage: sekimori\nArchitecture: any\n' >"$work/shlib/debian/control"
	(cd "$work/shlib" && find "$1" -type f -perm -100 -exec sh -c 'head -c4 "$1" | grep -q ELF' _ {} \; -print0 |
		xargs -0 dpkg-shlibdeps -O 2>/dev/null) | sed -n 's/^shlibs:Depends=//p'
}
package() { # name, more dependencies, summary, description
	name=$1 root=$work/$1 part=${1#sekimori-}
	"$top/packaging/install.sh" "$build" "$root" /usr "$part"
	put_doc
	mkdir -p "$root/DEBIAN"
	for script in preinst postinst prerm postrm; do
		[ ! -e "$here/$part/$script" ] || install -m 0755 "$here/$part/$script" "$root/DEBIAN/$script"
	done
	(cd "$root" && find etc -type f | sed 's,^,/,') >"$root/DEBIAN/conffiles"
	(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
	cat >"$root/DEBIAN/control" <<-CONTROL
		Package: $name
		Version: $version
		Architecture: $arch
		Maintainer: Sekimori maintainers <maintainers@sekimori.example>
		Section: admin
		Priority: optional
		Installed-Size: $(du -sk "$root" | cut -f1)
		Depends: $(depends "$root")$2${5:+
		Recommends: $5}
		Description: $3
		 $4
	CONTROL
	dpkg-deb --root-owner-group -Zxz -z1 --build "$root" "$build/deb/${name}_${version}_$arch.deb" >/dev/null
	ln -sf "${name}_${version}_$arch.deb" "$build/deb/$name.deb"
	echo "$build/deb/${name}_${version}_$arch.deb"
}
put_doc() {
	install -D -m 0644 "$top/LICENSE" "$root/usr/share/doc/$name/copyright"
}

package sekimori-agent ", systemd, udev, kmod, util-linux, dosfstools, passwd, nftables, initramfs-tools | linux-initramfs-tool" \
	"resident agent that guards a staff PC's media and posture" \
	"Blocks unapproved removable media in the kernel, checks the terminal's posture and reports to a Sekimori server." \
	"zenity, exfatprogs | dosfstools"
package sekimori-server ", systemd, fonts-ipaexfont-gothic" \
	"central server and console of Sekimori" \
	"Enrols terminals, keeps their records, signs policies and grants, and shows managers how their sections stand."

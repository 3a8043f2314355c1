# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Settings of one .conf file of libvirt or virthost, through Puppet's augeas type and the lenses of virthost: comments, order
# and keys that are not named stay as they are.
#
#   libvirt_conf { 'qemu.conf':
#     settings => {
#       'user'             => 'libvirt-qemu',   # a text, a number, or 0 and 1
#       'security_driver'  => ['apparmor'],     # a list
#       'max_core'         => undef,            # left to the daemon: the key is removed
#     },
#     notify => Service['virtqemud'],
#   }
#
# root and load_path are for images and for lenses that are not installed.
define libvirt_conf (
  Hash[Pattern[/\A[a-z][a-z0-9_]*\z/], Variant[Undef, String, Integer, Array[String]]] $settings,
  String $file = $title,
  String $root = '/',
  Optional[String] $load_path = undef,
) {
  # Each file has its lens: qemu-lockd.conf and Virthost_qemu_lockd.lns.
  $lens = "Virthost_${regsubst(regsubst($file, '\.conf\z', ''), '-', '_', 'G')}.lns"

  $changes = $settings.reduce([]) |$all, $setting| {
    [$key, $value] = $setting
    $all + case $value {
      Undef: { ["rm ${key}"] }
      # A list is written anew: one that was longer must not keep its end. Equal files are not touched.
      Array[String, 0, 0]: { ["rm ${key}", "clear ${key}/#list"] }
      Array: { ["rm ${key}"] + $value.map |$i, $item| { "set ${key}/${$i + 1} '${item}'" } }
      default: { ["set ${key} '${value}'"] }
    }
  }

  augeas { "${root} ${file}":
    root      => $root,
    load_path => $load_path,
    # Naming both keeps Augeas from looking for other lenses of this file, and from reading anything else.
    lens      => $lens,
    incl      => "/etc/libvirt/${file}",
    context   => "/files/etc/libvirt/${file}",
    changes   => $changes,
  }
}

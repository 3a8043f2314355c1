(* SPDX-License-Identifier: LGPL-2.1-or-later

   testd.conf: settings of testd, the daemon for tests. Made from its description; see virthost.aug for the tree. *)
module Virthost_testd =

autoload xfm

let bool_keys = /gone/
let uint_keys = /max_things|most_things/
let string_keys = /unix_sock_rw_perms/
let enum_keys = /kind/
(* Any name but these *)
let other_keys = /([A-Za-fh-jln-tv-z][A-Za-z0-9_]*|g([0-9A-Z_a-np-z][A-Za-z0-9_]*|o([0-9A-Z_a-mo-z][A-Za-z0-9_]*|n([0-9A-Z_a-df-z][A-Za-z0-9_]*|e([0-9A-Z_a-z][A-Za-z0-9_]*))?)?)?|k([0-9A-Z_a-hj-z][A-Za-z0-9_]*|i([0-9A-Z_a-mo-z][A-Za-z0-9_]*|n([0-9A-Z_a-ce-z][A-Za-z0-9_]*|d([0-9A-Z_a-z][A-Za-z0-9_]*))?)?)?|m([0-9A-Z_b-np-z][A-Za-z0-9_]*|a([0-9A-Z_a-wyz][A-Za-z0-9_]*|x([0-9A-Za-z][A-Za-z0-9_]*|_([0-9A-Z_a-su-z][A-Za-z0-9_]*|t([0-9A-Z_a-gi-z][A-Za-z0-9_]*|h([0-9A-Z_a-hj-z][A-Za-z0-9_]*|i([0-9A-Z_a-mo-z][A-Za-z0-9_]*|n([0-9A-Z_a-fh-z][A-Za-z0-9_]*|g([0-9A-Z_a-rt-z][A-Za-z0-9_]*|s([0-9A-Z_a-z][A-Za-z0-9_]*))?)?)?)?)?)?)?)?|o([0-9A-Z_a-rt-z][A-Za-z0-9_]*|s([0-9A-Z_a-su-z][A-Za-z0-9_]*|t([0-9A-Za-z][A-Za-z0-9_]*|_([0-9A-Z_a-su-z][A-Za-z0-9_]*|t([0-9A-Z_a-gi-z][A-Za-z0-9_]*|h([0-9A-Z_a-hj-z][A-Za-z0-9_]*|i([0-9A-Z_a-mo-z][A-Za-z0-9_]*|n([0-9A-Z_a-fh-z][A-Za-z0-9_]*|g([0-9A-Z_a-rt-z][A-Za-z0-9_]*|s([0-9A-Z_a-z][A-Za-z0-9_]*))?)?)?)?)?)?)?)?)?)?|u([0-9A-Z_a-mo-z][A-Za-z0-9_]*|n([0-9A-Z_a-hj-z][A-Za-z0-9_]*|i([0-9A-Z_a-wyz][A-Za-z0-9_]*|x([0-9A-Za-z][A-Za-z0-9_]*|_([0-9A-Z_a-rt-z][A-Za-z0-9_]*|s([0-9A-Z_a-np-z][A-Za-z0-9_]*|o([0-9A-Z_abd-z][A-Za-z0-9_]*|c([0-9A-Z_a-jl-z][A-Za-z0-9_]*|k([0-9A-Za-z][A-Za-z0-9_]*|_([0-9A-Z_a-qs-z][A-Za-z0-9_]*|r([0-9A-Z_a-vx-z][A-Za-z0-9_]*|w([0-9A-Za-z][A-Za-z0-9_]*|_([0-9A-Z_a-oq-z][A-Za-z0-9_]*|p([0-9A-Z_a-df-z][A-Za-z0-9_]*|e([0-9A-Z_a-qs-z][A-Za-z0-9_]*|r([0-9A-Z_a-ln-z][A-Za-z0-9_]*|m([0-9A-Z_a-rt-z][A-Za-z0-9_]*|s([0-9A-Z_a-z][A-Za-z0-9_]*))?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)?)/

let lns = Virthost.file (
    Virthost.entry bool_keys Virthost.flag
  | Virthost.entry uint_keys Virthost.number
  | Virthost.entry string_keys Virthost.text
  | Virthost.entry enum_keys Virthost.text
  | Virthost.any other_keys)

let filter = incl "/etc/libvirt/testd.conf"
let xfm = transform lns filter
(* SPDX-License-Identifier: LGPL-2.1-or-later *)
module Test_virthost_testd =

let lns = Virthost_testd.lns

(* Every key, then one that is not ours *)
test lns get "# text\n\nmax_things = 7\nmost_things = 10\nunix_sock_rw_perms = \"0777\"\nkind = \"big\"\ngone = 1\nof_others = \"x\"\n" =
  { "#comment" = "text" }
  { "#empty" }
  { "max_things" = "7" }
  { "most_things" = "10" }
  { "unix_sock_rw_perms" = "0777" }
  { "kind" = "big" }
  { "gone" = "1" }
  { "of_others" = "\"x\"" }

(* Made, changed and removed *)
test lns put "# text\n" after set "/max_things" "7" = "# text\nmax_things = 7\n"
test lns put "max_things = 7\n# text\n" after rm "/max_things" = "# text\n"

(* Values of another type *)
test lns get "gone = 2\n" = *
test lns get "max_things = -1\n" = *
test lns get "unix_sock_rw_perms = 1\n" = *
test lns get "kind = 1\n" = *

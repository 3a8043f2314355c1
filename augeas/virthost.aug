(* SPDX-License-Identifier: LGPL-2.1-or-later

   The grammar of all files of the suite (libvirt.conf(5) and its likes), once for the lenses of the single files, and as
   a lens of its own that knows no key.

   Trees:
     key = value          { "key" = "value" }                       of keys that the file's lens knows
     key = 'value'        { "key" = "value" { "#quote" = "'" } }    quotes that are not the usual ones
     key = [ "a", "b" ]   { "key" { "1" = "a" } { "2" = "b" } }     an empty list is a key without value
     other = "value"      { "other" = "\"value\"" }                 of keys that it does not know: as written
     # text               { "#comment" = "text" }                   behind a value: child of the key
*)
module Virthost =

let eol = del /[ \t]*\r?\n/ "\n"
let indent = del /[ \t]*/ ""
let equals = del /[ \t]*=[ \t]*/ " = "
(* A statement ends with its line or before a semicolon. *)
let stop = del /[ \t]*(;|\r?\n)/ "\n"
let gap = /[ \t\r\n]*/

let remark_text = /[^ \t\r\n]([^\r\n]*[^ \t\r\n])?/
let comment = [ label "#comment" . del /[ \t]*#[ \t]*/ "# " . store remark_text . eol ]
let empty = [ label "#empty" . del /[ \t]*(#[ \t]*)?\r?\n/ "\n" ]
let remark = [ label "#comment" . del /[ \t]*#[ \t]*/ " # " . store remark_text . eol ]
let close = stop | remark

(* Values *)
let number = store /[+]?[0-9]+/
let signed = store /[+-]?[0-9]+/
let flag = store /[+]?0*[01]/

let line_body = /[^"\r\n]*/
let line_body1 = /[^'\r\n]*/
let long_body = /([^"]|"[^"]|""[^"])*/
let dq = del "\"" "\""
let plain = dq . store line_body . dq
let odd (mark:string) (body:regexp) = [ label "#quote" . store mark ] . store body . del mark mark
let text = plain | odd "'" line_body1 | odd "\"\"\"" long_body

(* Any value but a list, with its quotes. *)
let raw_re = /[+-]?[0-9]+/ | /"[^"\r\n]*"/ | /'[^'\r\n]*'/ | /"""([^"]|"[^"]|""[^"])*"""/
let raw = store raw_re

let list (item:lens) =
  let open = del /\[[ \t\r\n]*/ "[ " in
  let shut = del /([ \t\r\n]*,)?[ \t\r\n]*\]/ " ]" in
  let comma = del /[ \t\r\n]*,[ \t\r\n]*/ ", " in
  let one = [ seq "item" . item ] in
  let nothing = [ label "#list" . del /\[[ \t\r\n]*\]/ "[ ]" ] in
  counter "item" . ( nothing | (open . one . (comma . one)* . shut) )

(* Assignments *)
let entry (name:regexp) (value:lens) = [ indent . key name . equals . value . close ]

let name_re = /[A-Za-z][A-Za-z0-9_]*/
(* Two subtrees and not one with two kinds of content: a list has no value of its own. *)
let one_or_list (name:regexp) (value:lens) = entry name value | entry name (list value)
let any (name:regexp) = one_or_list name raw

let file (entries:lens) = ( empty | comment | entries )*

let lns = file (any name_re)

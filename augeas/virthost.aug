(* SPDX-License-Identifier: LGPL-2.1-or-later

   The grammar of all files of the suite (libvirt.conf(5) and its likes), once for the lenses of the single files, and as
   a lens of its own that knows no key.

   Trees:
     key = value          { "key" = "value" }                       of keys that the file's lens knows
     key = 'value'        { "key" = "value" { "#quote" = "'" } }    quotes that are not the usual ones
     key = [ "a", "b" ]   { "key" { "1" = "a" } { "2" = "b" } }
     key = [ ]            { "key" { "#list" } }
     key = ""             { "key" { "#quote" = "\"\"" } }           of keys that take a text or a list; else { "key" = "" }
     other = "value"      { "other" = "\"value\"" }                 of keys that it does not know: as written
     # text               { "#comment" = "text" }                   behind a value: child of the key
*)
module Virthost =

let eol = del /[ \t]*\r?\n/ "\n"
let indent = del /[ \t]*/ ""
let equals = del /[ \t]*=[ \t]*/ " = "
(* A statement ends with its line or before a semicolon. *)
let stop = del /[ \t]*(;|(#[ \t]*)?\r?\n)/ "\n"
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
let some (body:regexp) = body - ""
let dq = del "\"" "\""
let plain = dq . store line_body . dq
let odd (mark:string) (body:regexp) = [ label "#quote" . store mark ] . store body . del mark mark
let text = plain | odd "'" line_body1 | odd "\"\"\"" long_body
(* The same without the empty text. *)
let some_text = dq . store (some line_body) . dq | odd "'" (some line_body1) | odd "\"\"\"" (some long_body)
let no_text = [ label "#quote" . store /""|''|""""""/ ]

(* Where a number may stand as well: a text that is none. *)
let word =
  let digits = /[+]?[0-9]+/ in
  dq . store (line_body - digits) . dq | odd "'" (line_body1 - digits) | odd "\"\"\"" (long_body - digits)

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
(* A list has no value of its own, and to Augeas an empty value is none: so an empty text is a child here. *)
let text_or_list (name:regexp) = entry name some_text | entry name (list text | no_text)
let any (name:regexp) = entry name raw | entry name (list raw)

let file (entries:lens) = ( empty | comment | entries )*

let lns = file (any name_re)

package worlds

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/starhost/starhost/action"
)

// sqlplus is one program that reads a script on its standard input. What it knows and
// prints is what the SQL*Plus User's Guide says of the commands that scripts need.
type sqlplus struct {
	*oracle
	env     map[string]string
	out     strings.Builder
	session string // empty: not connected
	idle    bool   // there is no instance of that name
	member  bool   // the user belongs to the group of administrators
	strict  bool   // WHENEVER SQLERROR EXIT FAILURE
	off     map[string]bool
	width   int               // LINESIZE: what is longer goes on in the next line
	column  map[string]string // NEW_VALUE of a column
	defined map[string]string
	buffer  []string
	ended   *Ended
}

// Run implements [Programs]: it knows sqlplus, without a logon on its command line.
func (s *oracle) Run(p Program) Ended {
	if path.Base(p.Argv[0]) != "sqlplus" || !slices.Equal(p.Argv[1:], []string{"-S", "-L", "-R", "2", "/nolog"}) {
		return Ended{Unknown: true}
	}
	if p.Env["ORACLE_HOME"] != s.text("home") {
		return Ended{Exit: action.Exit{Code: 1, Stderr: "Error 6 initializing SQL*Plus\nSP2-0667: Message file sp1<lang>.msb not found\nSP2-0750: You may need to set ORACLE_HOME to your Oracle software directory\n"}}
	}
	x := &sqlplus{oracle: s, env: p.Env, member: p.User == s.text("user"), off: map[string]bool{}, width: 80, column: map[string]string{}, defined: map[string]string{}}
	for line := range strings.SplitSeq(p.Stdin, "\n") {
		if x.read(strings.TrimSpace(line)); x.ended != nil {
			break
		}
	}
	if x.ended == nil {
		x.exit(0)
	}
	if x.session != "" {
		s.Disconnect(x.session)
	}
	x.ended.Stdout = x.out.String()
	return *x.ended
}

func (x *sqlplus) exit(code int) { x.ended = &Ended{Exit: action.Exit{Code: code}} }

// read takes one line: a command, a part of a statement, or the end of one.
func (x *sqlplus) read(line string) {
	words := strings.Fields(strings.ToUpper(strings.TrimSuffix(line, ";")))
	block := len(x.buffer) > 0 && slices.Contains([]string{"BEGIN", "DECLARE"}, strings.ToUpper(strings.Fields(x.buffer[0])[0]))
	switch {
	case len(words) == 0 && len(x.buffer) == 0:
	case block && line == "/":
		x.run()
	case len(x.buffer) == 0 && x.command(words, strings.Fields(line)):
	default:
		if x.buffer = append(x.buffer, line); strings.HasSuffix(line, ";") && !block && words[0] != "BEGIN" && words[0] != "DECLARE" {
			x.run()
		}
	}
}

// command obeys a command of SQL*Plus; false if it is none.
func (x *sqlplus) command(words, raw []string) bool {
	switch words[0] {
	case "SET":
		for i := 1; i+1 < len(words); i += 2 {
			x.off[words[i]] = words[i+1] == "OFF" || words[i+1] == "0"
			if n, err := strconv.Atoi(words[i+1]); err == nil && words[i] == "LINESIZE" {
				x.width = n
			}
		}
	case "WHENEVER":
		if words[1] == "SQLERROR" {
			x.strict = slices.Equal(words[2:], []string{"EXIT", "FAILURE"})
		}
	case "COLUMN":
		if len(words) == 4 && words[2] == "NEW_VALUE" {
			x.column[words[1]] = words[3]
		}
	case "DEFINE":
		x.defined[words[1]] = raw[3]
	case "CONNECT":
		x.connect(words)
	case "EXIT":
		x.exit(x.exitCode(words))
	default:
		return false
	}
	return true
}

// connect logs on. An error of it is no SQL error, so that the script goes on. After each CONNECT
// the site profile (glogin.sql) is run, in the session and with the settings of the script.
func (x *sqlplus) connect(words []string) {
	system := slices.Equal(words, []string{"CONNECT", "/", "AS", "SYSDBA"}) || x.containers && slices.Equal(words, []string{"CONNECT", "/", "AS", "SYSBACKUP"})
	switch {
	case !system || !x.yes("login") || !x.member:
		x.out.WriteString("ERROR:\nORA-01017: invalid username/password; logon denied\n\n\n")
	case x.env["ORACLE_SID"] != x.text("sid"):
		x.out.WriteString("Connected to an idle instance.\n")
		x.idle = true
	default:
		x.session = x.Connect()
	}
	for line := range strings.SplitSeq(x.text("site_profile"), "\n") {
		x.read(line)
	}
}

// exitCode is what EXIT says: SUCCESS, FAILURE, a number or a variable.
func (x *sqlplus) exitCode(words []string) int {
	if len(words) == 1 || words[1] == "SUCCESS" {
		return 0
	}
	text := words[1]
	if v, ok := x.defined[text]; ok {
		text = strings.TrimSpace(v)
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return 1
}

// run makes the statement in the buffer and prints what comes of it.
func (x *sqlplus) run() {
	text := strings.Join(x.buffer, "\n")
	first := x.buffer[0]
	x.buffer = nil
	if x.idle {
		x.fail(first, oracleError(1034).Error()+"\nProcess ID: 0\nSession ID: 0 Serial number: 0")
		return
	}
	if x.session == "" {
		x.out.WriteString("SP2-0640: Not connected\n")
		return
	}
	a := x.Do(x.session, strings.TrimSuffix(text, ";"), nil)
	switch {
	case a.Waits:
		x.ended = &Ended{Waits: true}
	case a.Unknown, a.Rows != nil && (!x.off["HEADING"] || !x.off["PAGESIZE"]):
		x.ended = &Ended{Unknown: true}
	case a.Message != "":
		x.fail(first, a.Message)
	case a.Rows == nil && !x.off["FEEDBACK"]:
		x.out.WriteString("\nStatement processed.\n\n")
	case a.Rows != nil:
		x.print(a.Rows)
	}
}

func (x *sqlplus) fail(line, message string) {
	fmt.Fprintf(&x.out, "%s\n*\nERROR at line 1:\n%s\n\n\n", line, message)
	if x.strict {
		x.exit(1)
	}
}

// print prints rows without headings: texts to the left, numbers to the right of ten characters,
// or number signs for those that are longer.
func (x *sqlplus) print(rows *action.Rows) {
	for _, values := range rows.Rows {
		var fields []string
		for i, v := range values {
			text := plain(v)
			if name, ok := x.column[rows.Columns[i]]; ok {
				x.defined[name] = text
			}
			if v.Kind() == action.IntKind {
				if len(text) > 10 {
					text = "##########"
				}
				text = fmt.Sprintf("%10s", text)
			}
			fields = append(fields, text)
		}
		line := strings.TrimRight(strings.Join(fields, " "), " ")
		for ; len(line) > x.width; line = line[x.width:] {
			x.out.WriteString(line[:x.width] + "\n")
		}
		x.out.WriteString(line + "\n")
	}
}

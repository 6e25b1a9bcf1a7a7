package worlds

import "strings"

func (c *oracleCall) archiveLog(r *reader, archives bool) error {
	if err := c.opened(r); err != nil {
		return err
	}
	switch {
	case c.text("open_mode") != "READ WRITE":
		return oracleError(16000)
	case c.containers && c.container() != "" && c.container() != "CDB$ROOT":
		return oracleError(65040)
	case archives && c.text("log_mode") != "ARCHIVELOG":
		return oracleError(258)
	case c.yes("archiver_hangs"):
		return errWaits
	}
	for thread := int64(1); thread <= c.number("threads"); thread++ {
		if c.text("log_mode") == "ARCHIVELOG" {
			c.archive = append(c.archive, oracleLog{thread, c.log[thread], c.scn - 500, c.scn})
		}
		c.log[thread]++
	}
	return nil
}

func (c *oracleCall) suspend(r *reader, stop bool) error {
	switch {
	case !r.done():
		return errUnknown
	case c.status != "OPEN":
		return oracleError(1109)
	}
	c.stopped = stop // a second RESUME is an answer like the first: the manual knows no error
	return nil
}

func (c *oracleCall) beginBackup(r *reader) error {
	if err := c.opened(r); err != nil {
		return err
	}
	switch {
	case c.text("open_mode") != "READ WRITE":
		return oracleError(16000)
	case c.text("log_mode") != "ARCHIVELOG":
		return oracleError(1123)
	}
	for _, f := range c.files {
		switch {
		case f.active:
			return f.about(1146)
		case f.status != "ONLINE" && f.container != closedContainer:
			return f.about(1128)
		}
	}
	for i := range c.files {
		if f := &c.files[i]; f.enabled == "READ WRITE" && f.container != closedContainer {
			f.active, f.others, f.change, f.began = true, false, c.scn, c.scn
		}
	}
	return nil
}

func (c *oracleCall) endBackup(r *reader) error {
	switch {
	case !r.done():
		return errUnknown
	case c.status == "STARTED":
		return oracleError(1507)
	case c.stopped:
		return errWaits
	case c.active(nil) == 0:
		return oracleError(1142)
	}
	for i := range c.files {
		f := &c.files[i]
		c.wronged = c.wronged || f.active && f.others
		f.active = false
	}
	return nil
}

func (c *oracleCall) openDatabase(r *reader) error {
	switch {
	case !r.done():
		return errUnknown
	case c.status == "OPEN":
		return oracleError(1531)
	}
	for _, f := range c.files {
		if f.active {
			return f.about(10873)
		}
	}
	c.status = "OPEN"
	return nil
}

func (c *oracleCall) copyControlFile(r *reader) error {
	trace := r.take("trace")
	path := ""
	if l := r.peek(); !trace && l.kind == stringLexeme {
		path = r.next().text
	}
	r.take("reuse")
	if err := c.opened(r); err != nil {
		return err
	}
	switch {
	case !trace && path == "":
		return errUnknown
	case !trace && !strings.HasPrefix(path, "/"):
		return oracleError(1580, path)
	}
	c.copies = append(c.copies, path)
	return nil
}

func (c *oracleCall) setSession(r *reader) error {
	if r.take("container =") {
		c.session.container = strings.ToUpper(r.name())
	}
	return nil
}

// writeAlert is DBMS_SYSTEM.KSDWRT(2, text).
func (c *oracleCall) writeAlert(r *reader) error {
	if r.next().text != "2" || !r.take(",") || r.peek().kind != stringLexeme {
		return errUnknown
	}
	c.alert = append(c.alert, r.next().text)
	r.take(")")
	return end(r)
}

func (c *oracleCall) setAction(r *reader) error {
	c.session.action = r.next().text
	if !r.take(")") {
		return errUnknown
	}
	return end(r)
}

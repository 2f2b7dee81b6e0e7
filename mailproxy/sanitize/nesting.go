package sanitize

// This file keeps the output's tags nested. It follows the tree builder of the
// HTML standard (section 13.2.6.4) in all that mail is made of, with two
// simplifications that make it linear: a formatting element that was ended while
// a block inside it is open ends with that block, and at most maxReopen
// formatting elements are reopened at a time.

// place closes what a start tag closes and reports whether it may stand here.
func (r *rewriter) place(e *element) bool {
	if e.is(tablePart) {
		if !r.placeInTable(e) {
			return false
		}
	} else {
		switch {
		case e.is(closesP):
			r.blockStart(e)
		case e == elA || e.name == "nobr":
			if !r.endSame(e) {
				return r.flatten(e)
			}
			r.reopen()
		case e.is(rubyPart):
			for n := len(r.stack); n > 0 && r.stack[n-1].e.is(rubyPart); n = len(r.stack) {
				r.closeTo(n-1, false)
			}
			if n := len(r.stack); n == 0 || r.stack[n-1].e.name != "ruby" {
				return r.flatten(e)
			}
		case e.name == "source":
			if n := len(r.stack); n == 0 || r.stack[n-1].e != elPicture {
				return false
			}
		default:
			r.reopen()
		}
	}
	if len(r.stack) >= maxDepth && !e.is(void) {
		r.report.TooDeep = true
		if e.is(special) {
			r.out = append(r.out, "<br>"...)
		}
		return r.flatten(e)
	}
	return true
}

// flatten leaves a start tag out; its end tag will close nothing.
func (r *rewriter) flatten(e *element) bool {
	if !e.is(void) {
		r.ignored[e.id]++
	}
	return false
}

func (r *rewriter) blockStart(e *element) {
	switch e {
	case elLi:
		r.endItem(elLi, elLi)
	case elDd, elDt:
		r.endItem(elDd, elDt)
	}
	r.endP()
	if n := len(r.stack); e.is(heading) && n > 0 && r.stack[n-1].e.is(heading) {
		r.closeTo(n-1, true)
	}
	if e == elTable && r.opened[elTable.id] > 0 {
		// Directly inside a table a table ends it.
		for i := len(r.stack) - 1; i >= 0 && !r.stack[i].e.is(cell); i-- {
			if r.stack[i].e == elTable {
				r.closeTo(i, false)
				return
			}
		}
	}
}

// endP ends an open <p>.
func (r *rewriter) endP() bool {
	if r.opened[elP.id] == 0 {
		return false
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch e := r.stack[i].e; {
		case e == elP:
			r.closeTo(i, true)
			return true
		case e.is(cell) || e == elTable:
			return false
		}
	}
	return false
}

// endItem ends the list item that a new one follows.
func (r *rewriter) endItem(a, b *element) {
	if r.opened[a.id]+r.opened[b.id] == 0 {
		return
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch e := r.stack[i].e; {
		case e == a || e == b:
			r.closeTo(i, true)
			return
		case e.is(special) && e != elP && e.name != "div" && e.name != "address":
			return
		}
	}
}

// endSame ends an open element of the same name, which cannot hold another.
// Blocks between the two are split. It reports false when that cannot be.
func (r *rewriter) endSame(e *element) bool {
	for i, p := range r.pendEl {
		if p.id == e.id {
			r.unpend(i)
			break
		}
	}
	if r.opened[e.id] == 0 {
		return true
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch s := r.stack[i].e; {
		case s.id == e.id:
			return r.split(i)
		case s.is(cell):
			return true
		case s == elTable:
			return false
		}
	}
	return true
}

// split ends stack[i] and opens what was inside it again.
func (r *rewriter) split(i int) bool {
	inside := append([]open(nil), r.stack[i+1:]...)
	if len(inside) > maxReopen {
		return false
	}
	for _, o := range inside {
		if o.e.is(heading | rubyPart) { // cannot follow what is outside
			return false
		}
		r.budget -= o.end - o.start
	}
	if r.budget < 0 {
		return false
	}
	r.closeTo(i, false)
	for _, o := range inside {
		if !o.ended {
			start := len(r.out)
			r.out = append(r.out, r.out[o.start:o.end]...)
			r.push(o.e, start)
		}
	}
	return true
}

// placeInTable makes the rows and bodies that a table's part needs.
func (r *rewriter) placeInTable(e *element) bool {
	t := r.tableIndex()
	if t < 0 {
		return r.flatten(e)
	}
	level := t // index of the element that e goes into
	switch e.name {
	case "td", "th":
		if t+1 < len(r.stack) && r.stack[t+1].e.is(tablePart) && !r.stack[t+1].e.is(cell) && r.stack[t+1].e != elColgroup {
			level = t + 1
			if t+2 < len(r.stack) && r.stack[t+2].e == elTr {
				level = t + 2
			}
		}
		if !r.roomFor(e, t+3) {
			return false
		}
		r.closeTo(level+1, false)
		if level == t {
			r.implied(elTbody)
			level++
		}
		if level == t+1 {
			r.implied(elTr)
		}
		r.pending, r.pendEl = r.pending[:0], r.pendEl[:0]
		return true
	case "tr":
		if t+1 < len(r.stack) && r.stack[t+1].e.is(tablePart) && !r.stack[t+1].e.is(cell) && r.stack[t+1].e != elColgroup {
			level = t + 1
		}
		if !r.roomFor(e, t+2) {
			return false
		}
		r.closeTo(level+1, false)
		if level == t {
			r.implied(elTbody)
		}
	case "col":
		if t+1 < len(r.stack) && r.stack[t+1].e == elColgroup {
			level = t + 1
		}
		r.closeTo(level+1, false)
		if level == t {
			r.implied(elColgroup)
		}
	default:
		r.closeTo(level+1, false)
	}
	return true
}

// roomFor reports whether an element may stand inside n others.
func (r *rewriter) roomFor(e *element, n int) bool {
	if n < maxDepth {
		return true
	}
	r.report.TooDeep = true
	return r.flatten(e)
}

// tableIndex finds the table that a row or cell would belong to, -1 for none.
func (r *rewriter) tableIndex() int {
	if r.opened[elTable.id] == 0 {
		return -1
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		if r.stack[i].e == elTable {
			return i
		}
	}
	return -1
}

func (r *rewriter) implied(e *element) {
	start := len(r.out)
	r.out = append(r.out, '<')
	r.out = append(r.out, e.name...)
	r.out = append(r.out, '>')
	r.push(e, start)
}

func (r *rewriter) push(e *element, start int) {
	r.stack = append(r.stack, open{e: e, start: start, end: len(r.out)})
	r.opened[e.id]++
	r.live[e.id]++
}

// endTag closes what an end tag closes.
func (r *rewriter) endTag(e *element) {
	switch {
	case e == nil || e.is(drop):
		return
	case e.is(void):
		if e == elBr {
			r.reopen()
			r.out = append(r.out, "<br>"...)
		}
		return
	case r.ignored[e.id] > 0:
		r.ignored[e.id]--
		return
	case e.is(formatting):
		r.endFormatting(e)
		return
	case e == elP:
		if !r.endP() && len(r.stack) < maxDepth {
			r.out = append(r.out, "<p></p>"...)
		}
		return
	case e.is(heading):
		r.endHeading()
		return
	case r.opened[e.id] == 0:
		return
	}
	for i := len(r.stack) - 1; i >= 0; i-- {
		s := r.stack[i].e
		switch {
		case s.id == e.id:
			r.closeTo(i, !s.is(cell|tablePart) && s != elTable)
			return
		case e.is(tablePart) || e == elTable:
			if s == elTable {
				return
			}
		case !e.is(special):
			if s.is(special) {
				return
			}
		case s.is(cell) || s == elTable:
			return
		case e == elLi && (s.name == "ol" || s.name == "ul"):
			return
		}
	}
}

func (r *rewriter) endHeading() {
	for i := len(r.stack) - 1; i >= 0; i-- {
		switch s := r.stack[i].e; {
		case s.is(heading):
			r.closeTo(i, true)
			return
		case s.is(cell) || s == elTable:
			return
		}
	}
}

func (r *rewriter) endFormatting(e *element) {
	for i := len(r.pendEl) - 1; i >= 0; i-- {
		if r.pendEl[i].id == e.id {
			r.unpend(i)
			return
		}
	}
	if r.live[e.id] == 0 {
		return
	}
	block := false
	for i := len(r.stack) - 1; i >= 0; i-- {
		o := &r.stack[i]
		switch {
		case o.e.id == e.id && !o.ended:
			if block {
				o.ended = true
				r.live[e.id]--
			} else {
				r.closeTo(i, true)
			}
			return
		case o.e.is(cell) || o.e == elTable:
			return
		case o.e.is(special):
			block = true
		}
	}
}

// closeTo writes the end tags of stack[i:]. With reopen, formatting elements
// that were inside it come again before the next text.
func (r *rewriter) closeTo(i int, reopen bool) {
	for n := len(r.stack) - 1; n >= i; n-- {
		o := r.stack[n]
		if reopen && n > i && o.e.is(formatting) && !o.ended && len(r.pending) < maxReopen {
			r.pend(o)
		}
		r.pop()
	}
	for n := len(r.stack); n > 0 && r.stack[n-1].ended; n-- {
		r.pop()
	}
}

func (r *rewriter) pop() {
	o := r.stack[len(r.stack)-1]
	r.stack = r.stack[:len(r.stack)-1]
	r.opened[o.e.id]--
	if !o.ended {
		r.live[o.e.id]--
	}
	r.out = append(r.out, "</"...)
	r.out = append(r.out, o.e.name...)
	r.out = append(r.out, '>')
}

// pend remembers a start tag; the outermost comes first.
func (r *rewriter) pend(o open) {
	r.pending = append([]string{string(r.out[o.start:o.end])}, r.pending...)
	r.pendEl = append([]*element{o.e}, r.pendEl...)
}

func (r *rewriter) unpend(i int) {
	r.pending = append(r.pending[:i], r.pending[i+1:]...)
	r.pendEl = append(r.pendEl[:i], r.pendEl[i+1:]...)
}

// reopen writes the start tags that wait.
func (r *rewriter) reopen() {
	for i, s := range r.pending {
		if r.budget -= len(s); r.budget < 0 || len(r.stack) >= maxDepth {
			break
		}
		start := len(r.out)
		r.out = append(r.out, s...)
		r.push(r.pendEl[i], start)
	}
	r.pending, r.pendEl = r.pending[:0], r.pendEl[:0]
}

func (r *rewriter) closeAll() {
	r.pending, r.pendEl = nil, nil
	r.closeTo(0, false)
}

package sanitize

import "strings"

// An element is one that may be met. Those not listed are unwrapped: the tag
// goes, what is inside stays.
type element struct {
	name  string // as written out
	id    int    // index into the counters of a rewriter
	flags elementFlags
}

type elementFlags uint16

const (
	void       elementFlags = 1 << iota // has no end tag
	special                             // ends the search for an inline element's start tag
	formatting                          // reopened after a block that ended too early
	closesP                             // a start tag that ends an open <p>
	heading                             // h1 to h6
	cell                                // td, th, caption: what is inside knows nothing of the outside
	tablePart                           // only inside a table
	drop                                // goes with all that is inside
	raw                                 // the tokenizer gives the inside as one text
	lineFirst                           // a first line break is not part of the text
	rubyPart                            // ends another one
	inert                               // a form control: shown, without its behaviour
)

func (e *element) is(f elementFlags) bool { return e.flags&f != 0 }

// elements is the list by the name as met.
var elements = map[string]*element{}

// numElements is one more than the largest id.
var numElements int

func init() {
	add := func(flags elementFlags, names string) {
		for _, n := range strings.Fields(names) {
			elements[n] = &element{name: n, id: numElements, flags: flags}
			numElements++
		}
	}
	add(special|closesP, `address article aside blockquote center details dir div dl fieldset figcaption figure footer
		header hgroup main menu nav ol section summary ul p pre dd dt li table`)
	add(special|closesP|heading, `h1 h2 h3 h4 h5 h6`)
	add(special|closesP|void, `hr`)
	add(special|void, `br img wbr area source`)
	add(special|cell|tablePart, `td th caption`)
	add(special|tablePart, `tr tbody thead tfoot colgroup`)
	add(special|tablePart|void, `col`)
	elements["pre"].flags |= lineFirst
	add(formatting, `a b big code em font i nobr s small strike strong tt u`)
	add(0, `abbr acronym bdi bdo cite data del dfn ins kbd legend map mark picture q ruby samp span sub sup time var`)

	add(rubyPart, `rb rp rt rtc`)

	add(drop, `svg math template select xml`)
	add(drop|raw, `script style title iframe noembed noframes noscript`)

	// Shown as something else.
	as := func(met, shown string, extra elementFlags) {
		e := *elements[shown]
		e.flags |= extra
		elements[met] = &e
	}
	as("form", "div", 0)
	as("marquee", "div", 0)
	as("label", "span", 0)
	as("output", "span", 0)
	as("blink", "span", 0)
	as("button", "span", inert)
	as("textarea", "span", inert|lineFirst)
	as("image", "img", 0)
	as("listing", "pre", 0)
	as("xmp", "pre", 0)
	as("plaintext", "pre", 0)
	elements["xmp"].flags &^= lineFirst
	elements["plaintext"].flags &^= lineFirst
}

// Elements that the code names.
var (
	elA, elP, elLi, elDd, elDt, elTable, elTr, elTbody, elColgroup, elPre, elSpan, elNobr, elPicture, elBr *element
)

func init() {
	for name, e := range map[string]**element{
		"a": &elA, "p": &elP, "li": &elLi, "dd": &elDd, "dt": &elDt, "table": &elTable, "tr": &elTr, "tbody": &elTbody,
		"colgroup": &elColgroup, "pre": &elPre, "span": &elSpan, "nobr": &elNobr, "picture": &elPicture, "br": &elBr,
	} {
		*e = elements[name]
	}
}

// breaksOut lists the start tags that end foreign content (HTML standard
// section 13.2.6.5) or a list of options that was never closed.
var breaksOut = set(`b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li
	listing menu meta nobr ol p pre ruby s small span strong strike sub sup table tt u ul var`)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(names) {
		m[n] = true
	}
	return m
}

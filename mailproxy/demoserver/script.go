package demoserver

import (
	"embed"
	"strings"
	"sync"
	"time"
)

//go:embed corpus
var corpus embed.FS

// script is a conversation of the corpus before its slots are filled.
//
//	== subject
//	% key value            options of the whole, or of the message above
//	> who [@ age] [flags]  starts a message; who is a key of people.txt or "me"
//	text
type script struct {
	subject string
	options map[string][]string
	lines   []scriptLine
}

// scriptLine is one message of a script.
type scriptLine struct {
	who     string
	age     time.Duration // before now; 0 where the conversation has no fixed date
	flags   []string      // "unread", "star", "draft"
	text    string
	options map[string][]string
}

// person is somebody who writes. The style is the mail program.
type person struct {
	key, name, address, style, signature string
	fails                                bool // its mail does not authenticate
}

// display is the name, or the address where there is none.
func (p person) display() string {
	if p.name == "" {
		return p.address
	}
	return p.name
}

// bounces is the envelope sender.
func (p person) bounces() string {
	if p.style == "bulk" || p.style == "bot" {
		return "bounces+" + strings.Replace(p.address, "@", "=", 1) + "@" + domainOf(p.address)
	}
	return p.address
}

// persons are the people of the corpus by key; people are those who write
// letters, in order.
var persons, people = readPeople()

func readPeople() (map[string]person, []person) {
	byKey := make(map[string]person)
	var list []person
	for line := range strings.Lines(corpusFile("people.txt")) {
		f := strings.Split(strings.TrimRight(line, "\n"), "|")
		if strings.HasPrefix(line, "#") || len(f) < 4 {
			continue
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		p := person{key: f[0], name: f[1], address: f[2], style: f[3]}
		if len(f) > 4 {
			p.signature = strings.ReplaceAll(f[4], " / ", "\n")
		}
		p.fails = p.key == "jonasphish"
		byKey[p.key] = p
		if p.style != "notice" && p.style != "bot" && p.name != "" && !p.fails {
			list = append(list, p)
		}
	}
	return byKey, list
}

func corpusFile(name string) string {
	b, err := corpus.ReadFile("corpus/" + name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(b)
}

// scripts reads a file of the corpus once.
func scripts(name string) []script {
	v, _ := parsed.LoadOrStore(name, sync.OnceValue(func() []script { return parseScripts(corpusFile(name)) }))
	return v.(func() []script)()
}

var parsed sync.Map // file name → func() []script

func parseScripts(s string) []script {
	var out []script
	var cur *script
	var line *scriptLine
	endLine := func() {
		if line != nil {
			line.text = strings.TrimSpace(line.text)
		}
	}
	for raw := range strings.Lines(s) {
		l := strings.TrimRight(raw, "\n")
		switch {
		case strings.HasPrefix(l, "=="):
			endLine()
			out = append(out, script{subject: strings.TrimSpace(l[2:]), options: make(map[string][]string)})
			cur, line = &out[len(out)-1], nil
		case cur == nil:
		case strings.HasPrefix(l, "% "):
			key, value, _ := strings.Cut(l[2:], " ")
			options := cur.options
			if line != nil {
				options = line.options
			}
			options[key] = append(options[key], value)
		case speaker(l) != nil:
			endLine()
			cur.lines = append(cur.lines, *speaker(l))
			line = &cur.lines[len(cur.lines)-1]
		default:
			if line == nil {
				if l == "" {
					continue
				}
				cur.lines = append(cur.lines, scriptLine{options: make(map[string][]string)})
				line = &cur.lines[len(cur.lines)-1]
			}
			line.text += l + "\n"
		}
	}
	endLine()
	return out
}

// speaker reads "> who @ age flags", or returns nil for other lines, quoted
// ones among them.
func speaker(l string) *scriptLine {
	rest, ok := strings.CutPrefix(l, "> ")
	if !ok {
		return nil
	}
	if strings.HasSuffix(rest, ">") && strings.Contains(rest, " <") && strings.Contains(rest, ".example>") && !strings.Contains(rest, ":") {
		return &scriptLine{who: rest, options: make(map[string][]string)}
	}
	who, when, _ := strings.Cut(rest, " @ ")
	if _, known := persons[who]; !known && who != "me" && who != "jonas" && who != "mira" {
		return nil
	}
	sl := &scriptLine{who: who, options: make(map[string][]string)}
	for i, f := range strings.Fields(when) {
		if i == 0 {
			sl.age = parseAge(f)
		} else {
			sl.flags = append(sl.flags, f)
		}
	}
	return sl
}

// parseAge reads "5d2h", "1h15m" and the like.
func parseAge(s string) time.Duration {
	var days time.Duration
	if d, rest, ok := strings.Cut(s, "d"); ok {
		n := 0
		for _, c := range d {
			n = n*10 + int(c-'0')
		}
		days, s = time.Duration(n)*24*time.Hour, rest
	}
	d, _ := time.ParseDuration(s) // "" is none
	return days + d
}

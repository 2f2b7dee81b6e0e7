package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// tree builds a body structure from a short form: "mixed(text/plain,
// alternative(text/plain text/html) application/pdf[a.pdf])". A name in [] makes
// a file, {x} a Content-ID, ! disposition attachment, ~ disposition inline.
func tree(t *testing.T, s string) imap.BodyStructure {
	t.Helper()
	p := &treeParser{s: s}
	return p.node()
}

type treeParser struct {
	s string
	i int
}

func (p *treeParser) node() imap.BodyStructure {
	start := p.i
	for p.i < len(p.s) && !strings.ContainsRune("( )[{!~", rune(p.s[p.i])) {
		p.i++
	}
	name := p.s[start:p.i]
	if p.i < len(p.s) && p.s[p.i] == '(' {
		p.i++
		var ch []imap.BodyStructure
		for p.s[p.i] != ')' {
			if p.s[p.i] == ' ' {
				p.i++
				continue
			}
			ch = append(ch, p.node())
		}
		p.i++
		if name == "message/rfc822" {
			return &imap.BodyStructureSinglePart{Type: "message", Subtype: "rfc822", Encoding: "7bit", MessageRFC822: &imap.BodyStructureMessageRFC822{
				Envelope: &imap.Envelope{Subject: "inner", From: []imap.Address{{Name: "Ann", Mailbox: "a", Host: "x.test"}}}, BodyStructure: ch[0]}}
		}
		return &imap.BodyStructureMultiPart{Subtype: name, Children: ch}
	}
	typ, sub, _ := strings.Cut(name, "/")
	enc, sub, _ := cutLast(sub, "#")
	b := &imap.BodyStructureSinglePart{Type: typ, Subtype: sub, Encoding: enc, Size: 100, Params: map[string]string{"charset": "utf-8"}}
	for p.i < len(p.s) && strings.ContainsRune("[{!~", rune(p.s[p.i])) {
		switch p.s[p.i] {
		case '!':
			b.Extended = &imap.BodyStructureSinglePartExt{Disposition: &imap.BodyStructureDisposition{Value: "attachment"}}
			p.i++
		case '~':
			b.Extended = &imap.BodyStructureSinglePartExt{Disposition: &imap.BodyStructureDisposition{Value: "inline"}}
			p.i++
		case '[':
			e := p.i + strings.IndexByte(p.s[p.i:], ']')
			b.Params["name"] = p.s[p.i+1 : e]
			p.i = e + 1
		case '{':
			e := p.i + strings.IndexByte(p.s[p.i:], '}')
			b.ID = "<" + p.s[p.i+1:e] + ">"
			p.i = e + 1
		}
	}
	return b
}

// cutLast reads "rfc822#base64".
func cutLast(s, sep string) (enc, before string, ok bool) {
	before, enc, ok = strings.Cut(s, sep)
	if !ok {
		return "7bit", s, false
	}
	return enc, before, true
}

// planned writes a plan in a short form.
func planned(p Plan) string {
	var b strings.Builder
	list := func(what string, parts []string) {
		if len(parts) > 0 {
			fmt.Fprintf(&b, "%s=%s ", what, strings.Join(parts, ","))
		}
	}
	paths := func(ps []Part) (out []string) {
		for _, x := range ps {
			out = append(out, x.Path)
		}
		return out
	}
	files := func(fs []mail.File) (out []string) {
		for _, f := range fs {
			out = append(out, f.Path+":"+f.Name)
		}
		return out
	}
	list("text", paths(p.Text))
	list("html", paths(p.HTML))
	list("inline", files(p.Inline))
	list("files", files(p.Files))
	list("sig", files(p.Signatures))
	for _, n := range p.Nested {
		list("nested", []string{n.Path + ":" + n.Subject})
	}
	list("report", strings.Fields(p.Report.Path))
	list("calendar", strings.Fields(p.Calendar.Path))
	list("encrypted", strings.Fields(p.Encrypted))
	return strings.TrimSpace(b.String())
}

func TestChoose(t *testing.T) {
	tests := []struct{ name, tree, within, want string }{
		{"plain", "text/plain", "", "text=1"},
		{"html", "text/html", "", "html=1"},
		{"alternative", "alternative(text/plain text/html)", "", "text=1 html=2"},
		{"the last form is the best", "alternative(text/html text/plain text/html)", "", "text=2 html=3"},
		{"amp is ignored", "alternative(text/plain text/x-amp-html text/html)", "", "text=1 html=3"},
		{"enriched is worse than plain", "alternative(text/plain text/enriched)", "", "text=1"},
		{"enriched alone", "text/enriched", "", "text=1"},
		{"attachment", "mixed(text/plain application/pdf[a.pdf])", "", "text=1 files=2:a.pdf"},
		{"file without a name", "mixed(text/plain image/png)", "", "text=1 files=2:image.png"},
		{"usual", "mixed(related(alternative(text/plain text/html) image/png{i}[i.png]) application/pdf[a.pdf])", "", "text=1.1.1 html=1.1.2 inline=1.2:i.png files=2:a.pdf"},
		{"Apple", "alternative(text/plain mixed(text/html image/jpeg~[a.jpg] text/html))", "", "text=1 html=2.1,2.3 files=2.2:a.jpg"},
		{"list footer", "mixed(alternative(text/plain text/html) text/plain)", "", "text=1.1,2 html=1.2,2"},
		{"plain then HTML", "mixed(text/plain text/html)", "", "text=1,2 html=1,2"},
		{"several plain", "mixed(text/plain text/plain text/plain[log.txt])", "", "text=1,2 files=3:log.txt"},
		{"named body", "mixed(text/plain[message.txt] application/pdf[a.pdf])", "", "text=1 files=2:a.pdf"},
		{"text as attachment", "text/plain![a.txt]", "", "files=1:a.txt"},
		{"table of text", "mixed(text/plain text/csv)", "", "text=1 files=2:text.csv"},
		{"related without HTML", "related(text/plain image/png{i}[i.png])", "", "text=1 files=2:i.png"},
		{"picture in related without id", "related(text/html image/png[i.png])", "", "html=1 files=2:i.png"},
		{"signed", "signed(mixed(text/plain image/png[i.png]) application/pgp-signature[s.asc])", "", "text=1.1 files=1.2:i.png sig=2:s.asc"},
		{"encrypted", "encrypted(application/pgp-encrypted application/octet-stream[e.asc])", "", "files=2:e.asc encrypted=OpenPGP"},
		{"S/MIME", "application/pkcs7-mime[smime.p7m]", "", "files=1:smime.p7m encrypted=S/MIME"},
		{"report", "report(text/plain message/delivery-status message/rfc822(text/plain))", "", "text=1 nested=3:inner report=2"},
		{"report with headers", "report(text/plain message/delivery-status text/rfc822-headers)", "", "text=1 files=3:text.txt report=2"},
		{"invitation", "mixed(alternative(text/plain text/html text/calendar) application/ics[invite.ics])", "", "text=1.1 html=1.2 files=2:invite.ics calendar=1.3"},
		{"invitation alone", "alternative(text/calendar)", "", "files=1:invitation.ics calendar=1"},
		{"enclosed", "mixed(text/plain message/rfc822(mixed(text/plain application/pdf[a.pdf])))", "", "text=1 nested=2:inner"},
		{"within", "mixed(text/plain message/rfc822(mixed(text/plain application/pdf[a.pdf])))", "2", "text=2.1 files=2.2:a.pdf"},
		{"within a single part", "mixed(text/plain message/rfc822(text/html))", "2", "html=2.1"},
		{"within a root", "message/rfc822(mixed(text/plain message/rfc822(text/html)))", "1", "text=1.1 nested=1.2:inner"},
		{"within twice", "message/rfc822(mixed(text/plain message/rfc822(text/html)))", "1.2", "html=1.2.1"},
		{"within nothing", "mixed(text/plain text/html)", "2", ""},
		{"digest", "digest(message/rfc822(text/plain) message/rfc822(text/plain))", "", "nested=1:inner nested=2:inner"},
		{"enclosed and encoded", "mixed(text/plain message/rfc822#base64)", "", "text=1 nested=2:"},
		{"no part", "mixed()", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := planned(Choose(tree(t, tt.tree), tt.within)); got != tt.want {
				t.Errorf("%s within %q:\n got %s\nwant %s", tt.tree, tt.within, got, tt.want)
			}
		})
	}
	if p := Choose(nil, ""); planned(p) != "" {
		t.Errorf("of nothing: %s", planned(p))
	}
}

func TestChooseIsBounded(t *testing.T) {
	var deep imap.BodyStructure = &imap.BodyStructureSinglePart{Type: "text", Subtype: "plain"}
	for range 100000 {
		deep = &imap.BodyStructureMultiPart{Subtype: "mixed", Children: []imap.BodyStructure{deep}}
	}
	if p := Choose(deep, ""); len(p.Problems) != 1 {
		t.Errorf("deep: problems %q", p.Problems)
	}
	wide := &imap.BodyStructureMultiPart{Subtype: "mixed"}
	for range 100000 {
		wide.Children = append(wide.Children, &imap.BodyStructureSinglePart{Type: "image", Subtype: "png"})
	}
	if p := Choose(wide, ""); len(p.Problems) != 1 || len(p.Files) != MaxParts {
		t.Errorf("wide: problems %q, %d files", p.Problems, len(p.Files))
	}
	if f := Find(deep, strings.Repeat("1.", 100000)+"1"); f.Part != nil {
		t.Error("found a part too deep")
	}
}

func TestFind(t *testing.T) {
	bs := tree(t, "mixed(text/plain message/rfc822(mixed(text/plain message/rfc822#base64)) message/rfc822(text/html))")
	tests := []struct{ path, want string }{
		{"1", "text/plain 1"},
		{"2", "message/rfc822 2"},
		{"2.1", "text/plain 2.1"},
		{"2.2", "message/rfc822 2.2 opaque"},
		{"2.2.1.3", "message/rfc822 2.2 opaque 1.3"},
		{"3.1", "text/html 3.1"},
		{"3.2", ""}, {"1.1", ""}, {"4", ""}, {"0", ""}, {"-1", ""}, {"+1", ""}, {"x", ""}, {"", ""}, {"1.", "text/plain 1"}, {"99999999999999999999", ""},
	}
	for _, tt := range tests {
		f := Find(bs, tt.path)
		got := ""
		if f.Part != nil {
			got = f.Part.MediaType() + " " + f.Path
			if f.Opaque {
				got += " opaque"
			}
			if f.Rest != "" {
				got += " " + f.Rest
			}
		}
		if got != tt.want {
			t.Errorf("Find(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestSettle(t *testing.T) {
	p := Choose(tree(t, "mixed(related(text/html image/png{a@x}[a.png] image/png{b@x}[b.png]) image/png!{c@x}[c.png] application/pdf{d@x}[d.pdf])"), "")
	got := planned(p.Settle(`<img src="CID:a@x"><img src='cid:c%40x'><img src=cid:d@x>`))
	want := "html=1.1 inline=2:c.png,1.2:a.png files=3:d.pdf,1.3:b.png"
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if f, ok := p.CID("b%40x"); !ok || f.Path != "1.3" {
		t.Errorf("CID: %v %v", f, ok)
	}
	if _, ok := p.CID("nonesuch"); ok {
		t.Error("a part for a Content-ID that no part has")
	}
}

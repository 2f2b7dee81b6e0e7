package templates

import (
	"context"
	"html"
	"io"
	"strings"

	"github.com/a-h/templ"

	"postern/templates/text"
	"postern/templates/ui"
)

// MessageView is one opened message.
type MessageView struct {
	ID       string // mail.MessageRef
	Back     string // the list it was opened from
	BackName string // "Back to Inbox"
	Action   string // where actions are posted
	Pager    ui.PagerProps
	Targets  []Target
	Bulk     BulkView
	After    string // where to go after archive or delete

	Subject   string
	NoSubject bool
	Starred   bool
	Chips     []ChipView
	Place     string
	Enclosed  bool   // a message inside another: no actions on it
	Owner     string // for print: whose mailbox

	Initials string
	Hue      int
	Name     string // of the sender
	Addr     string
	To       string // "to me, Jonas, +4"
	Facts    []Fact
	When     string
	WhenISO  string
	WhenFull string

	Links      MessageLinks
	Notes      []MessageNote
	Blocks     []Block
	Frame      string // address of the HTML body, "" when plain text is shown
	FrameTitle string
	OtherForm  string // address that shows the other form of the body, "" for none
	OtherName  string
	Nothing    string // said when there is no text at all
	Report     []Fact
	Files      []FileView
	FilesHead  string
	FilesSize  string
	Nested     []NestedView
	Header     []Fact // all fields, when asked for
}

// Block is a run of lines of plain text at one quote depth.
type Block struct {
	Depth     int
	Signature bool
	Fixed     bool // columns matter
	Lines     [][]Span
}

// Span is a piece of a line, a link when URL is set.
type Span struct {
	Text, URL string
	Diff      byte // '+', '-' or '@' in a patch
}

// Fact is a line of a list of names and values.
type Fact struct{ Name, Value string }

// MessageLinks are what can be done with a message by following a link.
type MessageLinks struct {
	Reply, ReplyAll, Forward, ForwardAttached string
	Print, Source, Download, Headers          string
}

// MessageNote is a banner between head and body.
type MessageNote struct {
	Kind    ui.NoteKind
	Icon    string
	Title   string
	Text    string
	Form    string // address that the buttons post to
	Buttons []ui.ButtonProps
}

// FileView is an attachment.
type FileView struct {
	Name     string
	Size     string
	URL      string // preview, or download
	Opens    bool   // URL is a preview, shown in a tab of its own
	Download string
	Picture  string // address of a picture of it, "" for none
	Risky    string // a warning, "" for none
}

// NestedView is an enclosed message.
type NestedView struct{ Subject, From, When, Size, URL string }

// MessagePrintView is a message for paper.
type MessagePrintView struct {
	Message MessageView
	Owner   string
}

const maxQuoteDepth = 10 // levels drawn; deeper ones look like the last

// PlainText draws a message's text. It is written by hand since every space in it
// counts; all text passes html.EscapeString and every address templ's URL check.
func PlainText(blocks []Block) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b strings.Builder
		for i := 0; i < len(blocks); {
			if blocks[i].Depth == 0 {
				drawBlock(&b, blocks[i])
				i++
				continue
			}
			j := i
			for j < len(blocks) && blocks[j].Depth > 0 {
				j++
			}
			drawQuote(ctx, &b, blocks[i:j], foldable(blocks[j:]))
			i = j
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// foldable reports whether nothing but a signature follows: a quote that is
// answered below stays open.
func foldable(rest []Block) bool {
	for _, b := range rest {
		if b.Signature || b.Depth > 0 {
			continue
		}
		for _, l := range b.Lines {
			for _, s := range l {
				if strings.TrimSpace(s.Text) != "" {
					return false
				}
			}
		}
	}
	return true
}

func drawQuote(ctx context.Context, b *strings.Builder, blocks []Block, fold bool) {
	if fold {
		b.WriteString(`<details class="quote"><summary aria-label="` + html.EscapeString(text.T(ctx, "Show quoted text")) + `">`)
		_ = ui.Icon("ellipsis", "i-sm").Render(ctx, b) // a strings.Builder does not fail
		b.WriteString(`<span>` + html.EscapeString(text.T(ctx, "Quoted text")) + `</span></summary>`)
	} else {
		b.WriteString(`<div class="quote is-answered">`)
	}
	depth := 0
	for _, q := range blocks {
		want := min(q.Depth, maxQuoteDepth)
		for ; depth < want; depth++ {
			b.WriteString(`<blockquote>`)
		}
		for ; depth > want; depth-- {
			b.WriteString(`</blockquote>`)
		}
		drawBlock(b, q)
	}
	for ; depth > 0; depth-- {
		b.WriteString(`</blockquote>`)
	}
	if fold {
		b.WriteString(`</details>`)
	} else {
		b.WriteString(`</div>`)
	}
}

func drawBlock(b *strings.Builder, block Block) {
	class := "plain"
	if block.Signature {
		class += " sig"
	}
	if block.Fixed {
		class += " is-fixed"
	}
	b.WriteString(`<div class="` + class + `"`)
	if block.Fixed {
		b.WriteString(` tabindex="0" role="group" dir="ltr"`)
	} else {
		b.WriteString(` dir="auto"`)
	}
	b.WriteString(`>`)
	for i, line := range block.Lines {
		if i > 0 {
			b.WriteString("\n")
		}
		for _, s := range line {
			drawSpan(b, s)
		}
	}
	b.WriteString(`</div>`)
}

func drawSpan(b *strings.Builder, s Span) {
	esc := html.EscapeString(s.Text)
	switch {
	case s.URL != "":
		b.WriteString(`<a href="` + html.EscapeString(string(templ.URL(s.URL))) + `" target="_blank" rel="noopener noreferrer">` + esc + `</a>`)
	case s.Diff == '+':
		b.WriteString(`<ins>` + esc + `</ins>`)
	case s.Diff == '-':
		b.WriteString(`<del>` + esc + `</del>`)
	case s.Diff == '@':
		b.WriteString(`<b class="hunk">` + esc + `</b>`)
	default:
		b.WriteString(esc)
	}
}

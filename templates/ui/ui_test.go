package ui

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(WithBase(t.Context(), "/base"), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// with gives a component children.
func with(c templ.Component, children string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return c.Render(templ.WithChildren(ctx, templ.Raw(children)), w)
	})
}

func TestWidgets(t *testing.T) {
	tests := []struct {
		name string
		c    templ.Component
		want []string
		not  []string
	}{
		{"icon", Icon("x", "i-sm"), []string{`class="i i-sm"`, `href="/base/static/icons.`, `#i-x"`, `aria-hidden="true"`}, nil},
		{"button submits", Button(ButtonProps{Label: "Save", Kind: Primary, Name: "do", Value: "save"}),
			[]string{`<button class="btn btn-primary"`, `type="submit"`, `name="do"`, `value="save"`, `<span>Save</span>`}, []string{"data-key", "disabled", "form="}},
		{"button is a link", Button(ButtonProps{Label: "Go", Href: "/a?b=1&c=2"}), []string{`<a class="btn" href="/a?b=1&amp;c=2"`}, []string{"type="}},
		{"no javascript: links", Button(ButtonProps{Label: "Go", Href: "javascript:alert(1)"}), []string{"about:invalid"}, nil},
		{"icon button and its key", IconButton(IconButtonProps{Label: "Mark read", Icon: "mail-open", Key: "Shift+i"}),
			[]string{`aria-label="Mark read"`, `data-key="Shift+i"`, `aria-keyshortcuts="Shift+i"`, `data-tip="Mark read  Shift i"`}, nil},
		{"sequence", IconButton(IconButtonProps{Label: "Inbox", Icon: "inbox", Key: "g i", Href: "/"}),
			[]string{`data-key="g i"`, `data-tip="Inbox  g i"`}, []string{"aria-keyshortcuts"}},
		{"toggle", IconButton(IconButtonProps{Label: "Bold", Icon: "bold", Pressed: "false", Tip: "-"}), []string{`aria-pressed="false"`}, []string{"data-tip"}},
		{"field in error", Field(FieldProps{ID: "to", Name: "to", Label: "To", Value: `"><b>`, Help: "h", Error: "e", Required: true}),
			[]string{`<label for="to">To</label>`, `aria-invalid="true"`, `aria-describedby="to-help to-error"`, `id="to-error"`, `id="to-help"`, `value="&#34;&gt;&lt;b&gt;"`, " required"}, nil},
		{"textarea keeps a first empty line", Field(FieldProps{ID: "b", Name: "b", Label: "Text", Value: "\nx", Rows: 3}), []string{"<textarea", "\n\nx</textarea>"}, []string{"aria-"}},
		{"select", Select(SelectProps{ID: "d", Name: "d", Label: "Density", Value: "b", Options: []Option{{"a", "A"}, {"b", "B"}}}),
			[]string{`<option value="b" selected>B</option>`, `<option value="a">A</option>`}, nil},
		{"check", Check(CheckProps{Name: "stay", Label: "Stay", Checked: true}), []string{`class="check"`, `value="on"`, " checked"}, []string{" disabled"}},
		{"switch", Switch(CheckProps{Name: "s", Label: "S"}), []string{`role="switch"`}, []string{" checked"}},
		{"menu", with(Menu(MenuProps{Label: "More", Icon: "ellipsis-vertical", AtStart: true}), "<p>in</p>"),
			[]string{`<details class="menu" data-behavior="menu">`, `<summary class="icon-btn"`, `class="menu-pop at-start"`, "<p>in</p>"}, nil},
		{"menu item shows its key", MenuItem(MenuItemProps{Label: "Star", Icon: "star", Key: "s", Name: "star", Value: "1"}), []string{`<span class="end">s</span>`, `data-key="s"`}, nil},
		{"current item", MenuItem(MenuItemProps{Label: "Dark", Current: true}), []string{`aria-current="true"`, "#i-check"}, nil},
		{"avatar", Avatar("ML", 5, "avatar-me"), []string{`<span class="avatar avatar-me" data-hue="5" aria-hidden="true">ML</span>`}, nil},
		{"avatar of stone", Avatar("ML", -1), []string{`<span class="avatar" aria-hidden="true">`}, []string{"data-hue"}},
		{"chip", Chip("Work & play", 5), []string{`data-hue="5"`, "Work &amp; play"}, nil},
		{"file name", FileName("Depot figures Q3.pdf"), []string{"<span>Depot figure</span><span>s Q3.pdf</span>"}, nil},
		{"file type", FileType("a.PDF"), []string{`data-hue="0"`, ">pdf<"}, nil},
		{"file without ending", FileType("README"), nil, []string{"data-hue"}},
		{"pager at the start", Pager(PagerProps{Range: "1–50", NewerName: "Newer", OlderName: "Older", Older: "/?p=2", OlderKey: "j"}),
			[]string{`aria-label="Newer"`, " disabled", `href="/?p=2"`, `data-key="j"`}, nil},
		{"toasts", with(Toasts(), "x"), []string{`role="status"`, `id="toasts"`, `data-swap="inside"`}, nil},
		{"toast", Toast(ToastProps{Text: "Archived", Action: "/undo", Fields: []HiddenField{{"t", "1"}}, Buttons: []ToastButton{{Label: "Undo", Key: "z"}}, Dismiss: "Dismiss"}),
			[]string{`method="post"`, `action="/undo"`, `data-behavior="toast"`, `data-millis="8000"`, `<input type="hidden" name="t" value="1"`, `data-key="z"`, `aria-label="Dismiss"`}, nil},
		{"bad toast stays", Toast(ToastProps{Text: "Not sent", Bad: true}), []string{`toast-bad`, `data-millis=""`}, nil},
		{"note", with(Note(NoteProps{Kind: NoteWarn, Icon: "info", Alert: true}), "<p>x</p>"), []string{`class="note note-warn"`, `role="alert"`}, nil},
		{"blank", with(Blank(BlankProps{Scene: SceneBarred, Title: "T", Text: "x", Page: true, Code: "7f3a"}), ""), []string{"<h1>T</h1>", `class="bars"`, "<code>7f3a</code>"}, []string{"<h2>"}},
		{"dialog", with(Dialog(DialogProps{ID: "keys", Title: "Keys", Close: "Close", Wide: true}), ""), []string{`id="keys"`, `aria-labelledby="keys-title"`, "popover", "dialog-wide"}, nil},
		{"keys", Keys("g i", "then"), []string{"<kbd>g</kbd>", "<span>then</span>", "<kbd>i</kbd>"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := render(t, tt.c)
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in\n%s", want, got)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got, not) {
					t.Errorf("%s in\n%s", not, got)
				}
			}
			if strings.Contains(got, "style=") || strings.Contains(got, "javascript:") || strings.Contains(got, " on") && strings.Contains(got, "onclick") {
				t.Errorf("inline style or script in\n%s", got)
			}
		})
	}
}

func TestInitials(t *testing.T) {
	tests := []struct{ name, want string }{
		{"Mira Lindqvist", "ML"},
		{"Ama Serwaa-Boateng", "AS"},
		{"Jonas Öztürk", "JÖ"},
		{"Mum", "M"},
		{"山田 太郎", "山"},
		{"ليلى الحداد", "ل"},
		{"Олександра Коваленко", "ОК"},
		{"“Office” (Freiburg)", "OF"},
		{"  ", "?"},
		{"🎂", "?"},
		{"7 Eleven", "7E"},
	}
	for _, tt := range tests {
		if got := Initials(tt.name); got != tt.want {
			t.Errorf("Initials(%q) = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHue(t *testing.T) {
	if a, b := Hue("Mira@Postern.test"), Hue("mira@postern.test"); a != b || a < 0 || a >= hues {
		t.Errorf("Hue gives %d and %d for one address", a, b)
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "a.b", "\xff\xfe", "x.tar.gz", "نص.pdf", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		head, tail := splitName(s)
		if head+tail != s {
			t.Errorf("splitName(%q) loses bytes", s)
		}
		_ = fileType(s)
		if Initials(s) == "" {
			t.Errorf("Initials(%q) is empty", s)
		}
	})
}

func BenchmarkIcon(b *testing.B) {
	ctx := WithBase(b.Context(), "/mail")
	var out strings.Builder
	for b.Loop() {
		out.Reset()
		_ = Icon("archive").Render(ctx, &out)
	}
}

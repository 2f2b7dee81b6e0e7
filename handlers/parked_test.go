package handlers

import (
	"strings"
	"testing"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/templates/link"
)

func TestPicturesAreParkedAndComeBack(t *testing.T) {
	ref := mail.MessageRef{Mailbox: "INBOX", UIDValidity: 1, UID: 2}
	d := mail.Draft{Files: []mail.DraftFile{{ContentID: "logo@x", Ref: ref, Path: "1.2"}}}
	src := `<p>a<img src="https://images.example.net/a?b=1&amp;c=2" alt="x"><img src="cid:logo@x"><img src="cid:other@x"></p><div style="background-image:url(https://images.example.net/bg.png)">b</div>`
	for _, base := range []string{"", "/webmail"} {
		h := &Handlers{site: link.Site{Base: base}}
		shown := mailproxy.EditableHTML(src, h.park(d))
		if strings.Contains(shown, "images.example.net") || strings.Contains(shown, "cid:") || strings.Count(shown, base+"/compose/picture/") != 4 {
			t.Fatalf("the composer would load %s", shown)
		}
		for _, form := range []string{shown, strings.ReplaceAll(shown, `"`+base+"/compose", `"https://mail.example`+base+"/compose")} {
			back := h.unpark(form)
			for _, want := range []string{`src="https://images.example.net/a?b=1&amp;c=2"`, `src="cid:logo@x"`, `src="cid:other@x"`, `url(`, `https://images.example.net/bg.png`} {
				if !strings.Contains(back, want) {
					t.Errorf("%s is not back in %s", want, back)
				}
			}
			if strings.Contains(back, "compose/picture") {
				t.Errorf("a parked address stays in %s", back)
			}
		}
	}
}

func TestUnparkInventsNoMarkup(t *testing.T) {
	h := &Handlers{}
	// base64 of: x" onerror="alert(1)
	got := h.unpark(`<img src="/compose/picture/eCIgb25lcnJvcj0iYWxlcnQoMSk">`)
	if strings.Contains(got, `onerror="`) {
		t.Errorf("%s", got)
	}
}

package browser

import (
	"slices"
	"strings"
	"testing"

	"postern/e2e/harness/chrome"
)

// TestKeys works by the keyboard alone.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := scripted(t, demo(t))
	signIn(s, mira)
	all := s.Subjects()
	s.Key("j")
	s.Key("j")
	s.Key("k")
	s.Key("x")
	s.WantText("1 selected")
	s.Key("e")
	s.WantToast("archived")
	s.Wait(`document.querySelectorAll("input[aria-label^='Select: ']").length === 50`)
	after := s.Subjects()
	if slices.Equal(after, all) {
		t.Error("e archived nothing")
	}
	s.Key("z")
	s.Wait(`document.querySelector("input[aria-label^='Select: ']").getAttribute("aria-label") === ` + jsString("Select: "+all[0]))
	if got := s.Subjects(); !slices.Equal(got, all) {
		t.Errorf("after z the list is %q, was %q", got, all)
	}
	s.Key("/")
	s.Wait(`document.activeElement.matches("input[type=search]")`)
	s.Type("from:ama")
	s.Key("\r")
	s.WantText("Rotterdam")
	s.Wait(`location.pathname === "/search"`)
	s.Back()
	s.WantTitle("Inbox")
	s.Key("?")
	s.Wait(`document.querySelector("#keys").matches(":popover-open")`)
	s.Key("\x1b")
	s.Wait(`!document.querySelector("#keys").matches(":popover-open")`)
	s.Key("g")
	s.Key("d")
	s.WantTitle("Drafts")
	s.Key("c")
	s.WantTitle("New message")
}

// TestBackAndForward goes through history: pages are where they were.
func TestBackAndForward(t *testing.T) {
	t.Parallel()
	s := scripted(t, demo(t))
	signIn(s, mira)
	s.Eval(`window.stayed = true`)
	s.Read(rotterdam)
	s.Follow("Older")
	s.Wait(`document.querySelector("h1").innerText.trim() !== ` + jsString(rotterdam))
	second := chrome.Eval[string](s.Tab, `document.querySelector("h1").innerText.trim()`)
	s.Back()
	s.WantTitle(rotterdam)
	s.Back()
	s.WantTitle("Inbox")
	s.Forward()
	s.WantTitle(rotterdam)
	s.Forward()
	s.WantTitle(second)
	if !chrome.Eval[bool](s.Tab, `window.stayed === true`) {
		t.Error("a page was loaded anew on the way")
	}
	// the address is that of the page: a new tab with it shows the same
	at := chrome.Eval[string](s.Tab, `location.href`)
	s.Go(at)
	s.WantTitle(second)
}

// TestNewslettersAskNobody reads what is full of remote content: while images are
// blocked nothing but the program itself is asked (every tab watches for that), and
// once they are shown, they come through it.
func TestNewslettersAskNobody(t *testing.T) {
	t.Parallel()
	s := scripted(t, demo(t))
	signIn(s, mira)
	s.Go("/mail/INBOX?show=attachments")
	read := 0
	for page := 1; page <= 2; page++ {
		s.Go("/search?q=unsubscribe&in=INBOX&page=" + string(rune('0'+page)))
		for _, subject := range s.Subjects() {
			if read == 8 {
				break
			}
			read++
			at := chrome.Eval[string](s.Tab, `location.href`)
			s.Read(subject)
			s.Go(at)
		}
	}
	if read < 8 {
		t.Errorf("only %d newsletters were found", read)
	}
	s.Go("/mail/INBOX")
	s.Read(rotterdam)
	s.WantText("Images are blocked")
	s.Press("Show once")
	s.Settled()
	if p := s.Problems(); len(p) > 0 {
		t.Errorf("showing images: %q", p)
	}
}

// TestWithoutScriptsInChromium shows that what needs scripts is not there without
// them, and that a list can be worked with.
func TestWithoutScriptsInChromium(t *testing.T) {
	t.Parallel()
	s := scripted(t, demo(t), chrome.WithoutScripts)
	signIn(s, mira)
	if s.Has("Select by state") {
		t.Error("a menu that needs scripts is shown without them")
	}
	s.Tick("Select: " + cake)
	s.Press("Archive")
	s.WantToast("archived")
	s.Press("Undo")
	s.WantText("1–50 of")
	s.Follow("Compose")
	s.WantTitle("New message")
	s.Fill("To", jonas)
	s.Fill("Message", "Plainly written.")
	s.Press("Save draft")
	s.WantToast("Draft saved")
	if got := s.Value("Message"); !strings.Contains(got, "Plainly written.") {
		t.Errorf("the draft says %q", got)
	}
}

// TestLeavingTheComposer leaves it in every way: the browser asks only when there are
// words that are kept nowhere, and links keep them first.
func TestLeavingTheComposer(t *testing.T) {
	t.Parallel()
	s := scripted(t, demo(t))
	signIn(s, mira)
	leave := func(what string, asks int) {
		t.Helper()
		before := s.Held()
		s.Go("/mail/Drafts")
		if got := s.Held() - before; got != asks {
			t.Errorf("%s: the browser asked %d times, want %d", what, got, asks)
		}
	}
	s.Follow("Compose")
	s.WantTitle("New message")
	leave("an empty composer", 0)

	s.Follow("Compose")
	s.Fill("Subject", "Kept by leaving")
	leave("typed words", 1)
	s.WantRow("Kept by leaving", 0)

	s.Follow("Compose")
	s.Fill("Subject", "Kept by a link")
	s.Follow("Inbox")
	s.WantTitle("Inbox")
	leave("an inbox", 0)
	s.WantRow("Kept by a link", 1)

	s.Follow("Compose")
	s.Fill("To", jonas)
	s.Fill("Subject", "Saved")
	s.Fill("Message", "Words in the editor")
	s.Press("Save draft")
	s.WantToast("Draft saved")
	s.Wait(`location.search.includes("kind=draft")`)
	leave("a saved draft", 0)
	s.WantRow("Saved", 1)

	s.ClickRow("Saved")
	s.Wait(`document.querySelector("#subject")?.value === "Saved"`)
	leave("a draft only looked at", 0)

	s.ClickRow("Saved")
	s.Fill("Subject", "Saved again")
	s.Press("Discard draft")
	s.WantToast("Draft discarded")
	leave("a discarded draft", 0)
	s.WantRow("Saved", 0)
}

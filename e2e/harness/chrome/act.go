package chrome

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Follow clicks the link of a name.
func (t *Tab) Follow(name string) { t.tb.Helper(); t.click("", roleLink, name) }

// Press clicks the button of a name.
func (t *Tab) Press(name string) { t.tb.Helper(); t.click("", roleButton, name) }

// PressIn clicks the button of a name within the element of a CSS selector.
func (t *Tab) PressIn(css, name string) { t.tb.Helper(); t.click(css, roleButton, name) }

// Menu opens the menu of a name.
func (t *Tab) Menu(name string) { t.tb.Helper(); t.click("", roleMenu, name) }

// Tick clicks the boxes of labels.
func (t *Tab) Tick(labels ...string) {
	t.tb.Helper()
	for _, l := range labels {
		t.click("", roleField, l)
	}
}

// on calls a function with an element as this, and returns its value.
func on[T any](t *Tab, roles []string, name, function string, args ...any) (v T) {
	t.tb.Helper()
	id := t.element(roles, name)
	o := call(t, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	yes := true
	p := runtime.CallFunctionOnParams{FunctionDeclaration: function, ObjectID: o.Object.ObjectID, ReturnByValue: &yes, UserGesture: &yes}
	for _, a := range args {
		b, err := json.Marshal(a)
		if err != nil {
			t.tb.Fatal(err)
		}
		p.Arguments = append(p.Arguments, &runtime.CallArgument{Value: b})
	}
	r := call(t, runtime.CallFunctionOn, p)
	if r.ExceptionDetails != nil {
		t.tb.Fatalf("%q: %s", name, r.ExceptionDetails.Text)
	}
	if len(r.Result.Value) > 0 {
		if err := json.Unmarshal(r.Result.Value, &v); err != nil {
			t.tb.Fatal(err)
		}
	}
	return v
}

// Fill writes text into the field of a label, in place of what is in it.
func (t *Tab) Fill(label, text string) {
	t.tb.Helper()
	if on[string](t, roleField, label, `function() { return this.tagName }`) == "SELECT" {
		if !on[bool](t, roleField, label, `function(want) {
			for (const o of this.options) if (o.text.trim() === want || o.value === want) {
				this.value = o.value; this.dispatchEvent(new Event("input", {bubbles: true})); this.dispatchEvent(new Event("change", {bubbles: true})); return true }
			return false }`, text) {
			t.tb.Fatalf("%q cannot be chosen in %q", text, label)
		}
		return
	}
	on[any](t, roleField, label, `function() {
		this.focus();
		if (this.select) this.select(); else getSelection().selectAllChildren(this) }`)
	if text == "" {
		t.Key("\u007f")
		return
	}
	call(t, input.InsertText, input.InsertTextParams{Text: text})
}

// Type writes text where the focus is.
func (t *Tab) Type(text string) {
	t.tb.Helper()
	call(t, input.InsertText, input.InsertTextParams{Text: text})
}

// Value is what is in the field of a label.
func (t *Tab) Value(label string) string {
	t.tb.Helper()
	return on[string](t, roleField, label, `function() { return this.value ?? this.innerText }`)
}

// Choose chooses files, by path, in the page's file field.
func (t *Tab) Choose(paths ...string) {
	t.tb.Helper()
	t.Settled()
	id, err := t.within("input[type=file]")
	if err != nil {
		t.tb.Fatal(err)
	}
	call(t, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: paths, ObjectID: id})
}

// Key presses keys.
func (t *Tab) Key(keys string, opts ...chromedp.KeyOption) {
	t.tb.Helper()
	t.Settled()
	t.Do(chromedp.KeyEvent(keys, opts...))
}

// WantText waits until the page shows s.
func (t *Tab) WantText(s string) {
	t.tb.Helper()
	t.Wait(fmt.Sprintf(`document.body.innerText.replace(/\s+/g, " ").includes(%s)`, quote(s)))
	t.Settled()
}

// WantToast waits until a toast says s.
func (t *Tab) WantToast(s string) {
	t.tb.Helper()
	t.Wait(fmt.Sprintf(`[...document.querySelectorAll(".toast:not([hidden])")].some(e => e.innerText.includes(%s))`, quote(s)))
	t.Settled()
}

// WantTitle waits until the page's heading is s.
func (t *Tab) WantTitle(s string) {
	t.tb.Helper()
	t.Wait(fmt.Sprintf(`document.querySelector("h1")?.innerText.replace(/\s+/g, " ").trim() === %s`, quote(s)))
	t.Settled()
}

const row = `[...document.querySelectorAll("input[aria-label^='Select: ']")].find(e => e.getAttribute("aria-label") === "Select: " + %s)?.closest("li")`

// Read opens the message of the row with a subject and waits for it.
func (t *Tab) Read(subject string) {
	t.tb.Helper()
	t.ClickRow(subject)
	t.WantTitle(subject)
}

// ClickRow clicks the row with a subject.
func (t *Tab) ClickRow(subject string) {
	t.tb.Helper()
	t.atRow(subject, func(x, y float64) error { return chromedp.Do(t.ctx, chromedp.MouseClickXY(x, y)) })
}

// HoverRow moves the mouse over the row with a subject and returns the row's id.
func (t *Tab) HoverRow(subject string) string {
	t.tb.Helper()
	t.atRow(subject, func(x, y float64) error {
		return chromedp.Do(t.ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
	})
	return Eval[string](t, fmt.Sprintf(row, quote(subject))+".id")
}

func (t *Tab) atRow(subject string, do func(x, y float64) error) {
	t.tb.Helper()
	t.Settled()
	find := fmt.Sprintf(row, quote(subject)) + `?.querySelector("a[href]")`
	t.until(func() (bool, string) {
		r, err := chromedp.Call(t.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: find})
		if err != nil || r.Result.ObjectID == "" {
			return false, fmt.Sprintf("no row %q (%v)", subject, err)
		}
		n, err := chromedp.Call(t.ctx, dom.DescribeNode, dom.DescribeNodeParams{ObjectID: r.Result.ObjectID})
		if err != nil {
			return false, err.Error()
		}
		x, y, err := t.target(n.Node.BackendNodeID)
		if err != nil {
			return false, fmt.Sprintf("row %q cannot be reached: %v", subject, err)
		}
		err = do(x, y)
		return err == nil, fmt.Sprint(err)
	})
}

// Subjects are those of the rows shown, from the top.
func (t *Tab) Subjects() []string {
	t.tb.Helper()
	t.Settled()
	return Eval[[]string](t, `[...document.querySelectorAll("input[aria-label^='Select: ']")].map(e => e.getAttribute("aria-label").slice(8))`)
}

// FocusRow puts the focus on a row, as the keys j and k do.
func (t *Tab) FocusRow(subject string) {
	t.tb.Helper()
	t.Settled()
	if !Eval[bool](t, fmt.Sprintf(`(() => { const a = %s?.querySelector("a[href]"); a?.focus(); return document.activeElement === a })()`, fmt.Sprintf(row, quote(subject)))) {
		t.tb.Fatalf("no row %q among %q", subject, t.Subjects())
	}
}

// quote writes s as JavaScript does.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return strings.NewReplacer("\u2028", `\u2028`, "\u2029", `\u2029`).Replace(string(b))
}

package chrome

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Roles as Chromium names them.
var (
	roleLink   = []string{"link"}
	roleButton = []string{"button"}
	roleMenu   = []string{"DisclosureTriangle"}
	roleField  = []string{"textbox", "searchbox", "checkbox", "radio", "combobox", "Date", "switch"}
)

func call[P, R any](t *Tab, cmd cdp.Command[P, R], params P) R {
	t.tb.Helper()
	r, err := chromedp.Call(t.ctx, cmd, params)
	if err != nil {
		t.tb.Fatal(err)
	}
	return r
}

func word(v *accessibility.Value) string {
	var s string
	if v != nil {
		_ = json.Unmarshal(v.Value, &s)
	}
	return s
}

// within is the element that a CSS selector finds, as an object.
func (t *Tab) within(css string) (runtime.RemoteObjectID, error) {
	expr := "document"
	if css != "" {
		expr = fmt.Sprintf("document.querySelector(%q)", css)
	}
	r, err := chromedp.Call(t.ctx, runtime.Evaluate, runtime.EvaluateParams{Expression: expr})
	if err != nil {
		return "", err
	}
	if r.Result.ObjectID == "" {
		return "", fmt.Errorf("there is no %s", css)
	}
	return r.Result.ObjectID, nil
}

// find looks for a shown element of one of the roles with a name: the name exactly,
// else one that begins with it and a space ("Unread 7").
func (t *Tab) find(css string, roles []string, name string) (cdp.BackendNodeID, error) {
	root, err := t.within(css)
	if err != nil {
		return 0, err
	}
	look := func(p accessibility.QueryAXTreeParams, ok func(string) bool) (cdp.BackendNodeID, []string) {
		p.ObjectID = root
		r, qerr := chromedp.Call(t.ctx, accessibility.QueryAXTree, p)
		if err = qerr; qerr != nil {
			return 0, nil
		}
		var others []string
		for _, n := range r.Nodes {
			if n.Ignored || !slices.Contains(roles, word(n.Role)) {
				continue
			}
			if ok(word(n.Name)) {
				return n.BackendDOMNodeID, nil
			}
			others = append(others, word(n.Name))
		}
		return 0, others
	}
	if id, _ := look(accessibility.QueryAXTreeParams{AccessibleName: name}, func(string) bool { return true }); id != 0 || err != nil {
		return id, err
	}
	var others []string
	for _, role := range roles {
		id, some := look(accessibility.QueryAXTreeParams{Role: role}, func(s string) bool { return strings.HasPrefix(s, name+" ") })
		if id != 0 || err != nil {
			return id, err
		}
		others = append(others, some...)
	}
	return 0, fmt.Errorf("no %s %q; there are %.1000q", roles[0], name, others)
}

// hit reports what keeps a click at x, y from the node, "" when nothing does.
const hit = `function(x, y) {
	const e = document.elementFromPoint(x, y);
	if (!e) return "it is outside the window";
	if (this === e || this.contains(e) || e.contains(this) && e.closest("label, summary")) return "";
	return "covered by " + e.outerHTML.slice(0, 160);
}`

// target is where to click a node. It scrolls to it first.
func (t *Tab) target(id cdp.BackendNodeID) (x, y float64, err error) {
	if _, err := chromedp.Call(t.ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: id}); err != nil {
		return 0, 0, err
	}
	q, err := chromedp.Call(t.ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: id})
	if err != nil {
		return 0, 0, err
	}
	if len(q.Quads) == 0 || len(q.Quads[0]) != 8 {
		return 0, 0, fmt.Errorf("it has no place on screen")
	}
	// A line broken in two has two boxes; the first one will do.
	c := q.Quads[0]
	x, y = (c[0]+c[2]+c[4]+c[6])/4, (c[1]+c[3]+c[5]+c[7])/4
	o, err := chromedp.Call(t.ctx, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	if err != nil {
		return 0, 0, err
	}
	yes := true
	r, err := chromedp.Call(t.ctx, runtime.CallFunctionOn, runtime.CallFunctionOnParams{FunctionDeclaration: hit, ObjectID: o.Object.ObjectID, ReturnByValue: &yes,
		Arguments: []*runtime.CallArgument{{Value: fmt.Appendf(nil, "%f", x)}, {Value: fmt.Appendf(nil, "%f", y)}}})
	if err != nil {
		return 0, 0, err
	}
	var why string
	if err := json.Unmarshal(r.Result.Value, &why); err != nil || why != "" {
		return 0, 0, fmt.Errorf("%s (%v)", why, err)
	}
	return x, y, nil
}

// click waits for an element and clicks its middle.
func (t *Tab) click(css string, roles []string, name string) {
	t.tb.Helper()
	t.Settled()
	t.until(func() (bool, string) {
		id, err := t.find(css, roles, name)
		if err != nil {
			return false, err.Error()
		}
		x, y, err := t.target(id)
		if err != nil {
			return false, fmt.Sprintf("%s %q cannot be clicked: %v", roles[0], name, err)
		}
		err = chromedp.Do(t.ctx, chromedp.MouseClickXY(x, y))
		return err == nil, fmt.Sprint(err)
	})
}

// element waits for an element.
func (t *Tab) element(roles []string, name string) (id cdp.BackendNodeID) {
	t.tb.Helper()
	t.Settled()
	t.until(func() (bool, string) {
		var err error
		id, err = t.find("", roles, name)
		return err == nil, fmt.Sprint(err)
	})
	return id
}

// Has reports whether the page shows a link, a button or a field of a name now.
func (t *Tab) Has(name string) bool {
	t.tb.Helper()
	t.Settled()
	_, err := t.find("", slices.Concat(roleLink, roleButton, roleMenu, roleField), name)
	return err == nil
}

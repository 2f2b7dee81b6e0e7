package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"postern/mailproxy"
	"postern/mailproxy/mail"
	"postern/store"
	"postern/templates"
	"postern/templates/link"
	"postern/templates/text"
	"postern/templates/ui"
)

// settingsPages in the order of their list.
var settingsPages = []struct{ id, name, icon, lead string }{
	{"general", "General", "sliders-horizontal", "How mail is read, written and counted."},
	{"identities", "Identities & signatures", "signature", "Addresses you can write from."},
	{"folders", "Folders", "folder", "Folders on the mail server, and what they are used for."},
	{"appearance", "Appearance", "palette", "Kept with your account, so every device looks the same."},
	{"privacy", "Privacy", "eye", "What senders can learn of your reading."},
	{"security", "Security & sessions", "shield-check", "Where you are signed in."},
	{"keyboard", "Keyboard", "keyboard", "Single keys work wherever you are not typing."},
}

// zones are the time zones offered; the person's own is added when it is not among them.
var zones = []string{
	"Pacific/Honolulu", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York", "America/Halifax",
	"America/Sao_Paulo", "Atlantic/Azores", "UTC", "Europe/London", "Europe/Lisbon", "Africa/Lagos", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Warsaw",
	"Africa/Cairo", "Africa/Johannesburg", "Europe/Athens", "Europe/Helsinki", "Europe/Kyiv", "Asia/Jerusalem", "Europe/Istanbul", "Africa/Nairobi", "Asia/Riyadh", "Asia/Tehran", "Asia/Dubai",
	"Asia/Karachi", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Bangkok", "Asia/Jakarta", "Asia/Shanghai", "Asia/Singapore", "Australia/Perth", "Asia/Tokyo", "Asia/Seoul",
	"Australia/Adelaide", "Australia/Sydney", "Pacific/Auckland",
}

func (h *Handlers) settingsFrame(ctx context.Context, page string) (templates.SettingsView, bool) {
	v := templates.SettingsView{Page: page, Action: h.site.SettingsPage(page)}
	found := false
	for _, p := range settingsPages {
		u := h.site.SettingsPage(p.id)
		if p.id == "folders" {
			u = h.site.Mailboxes()
		}
		v.Pages = append(v.Pages, templates.SettingsTab{Name: text.T(ctx, p.name), Icon: p.icon, URL: u, Current: p.id == page})
		if p.id == page {
			v.Title, v.Lead, found = text.T(ctx, p.name), text.T(ctx, p.lead), true
		}
	}
	return v, found
}

func (h *Handlers) settingsView(r *http.Request, v *visit, page string, edit *templates.IdentityForm) (templates.SettingsView, error) {
	ctx := r.Context()
	if page == "" {
		page = "general"
	}
	view, ok := h.settingsFrame(ctx, page)
	if !ok {
		return view, mail.Errorf(mail.NotFound, "There is no such page in the settings.")
	}
	s := v.settings
	switch page {
	case "general":
		view.Save = true
		view.Options = []templates.Option{
			zoneOption(ctx, s.TimeZone, clientZone(r)),
			selectOption(ctx, "pagesize", "Conversations per page", "", pageSize(s.PageSize), "25", "25", "50", "50", "100", "100"),
			selectOption(ctx, "compose", "New messages are written", "Rich text needs scripts; without them it is plain text.", s.Compose, "", "with formatting", "plain", "as plain text"),
		}
	case "appearance":
		view.Save = true
		view.Themes = []templates.PickCard{
			{Field: "theme", Value: "", Name: text.T(ctx, "Match system"), Picture: "system", Checked: s.Theme == ""},
			{Field: "theme", Value: "light", Name: text.T(ctx, "Light"), Picture: "light", Checked: s.Theme == "light"},
			{Field: "theme", Value: "dark", Name: text.T(ctx, "Dark"), Picture: "dark", Checked: s.Theme == "dark"},
		}
		view.Densities = []templates.PickCard{
			{Field: "density", Value: "comfortable", Name: text.T(ctx, "Comfortable"), Picture: "comfortable", Checked: s.Density == "comfortable"},
			{Field: "density", Value: "", Name: text.T(ctx, "Cosy"), Picture: "cosy", Checked: s.Density == ""},
			{Field: "density", Value: "compact", Name: text.T(ctx, "Compact"), Picture: "compact", Checked: s.Density == "compact"},
		}
	case "identities":
		return view, h.identitiesView(r, v, &view, edit)
	case "privacy":
		view.Senders = s.ImagesFrom
	case "security":
		return view, h.sessionsView(ctx, v, &view)
	}
	return view, nil
}

func pageSize(n int) string {
	switch n {
	case 25:
		return "25"
	case 100:
		return "100"
	}
	return "50"
}

// selectOption is a choice; pairs are values and what they are called.
func selectOption(ctx context.Context, field, name, help, value string, pairs ...string) templates.Option {
	p := &ui.SelectProps{ID: "set-" + field, Name: field, Value: value}
	for i := 0; i+1 < len(pairs); i += 2 {
		p.Options = append(p.Options, ui.Option{Value: pairs[i], Label: text.T(ctx, pairs[i+1])})
	}
	o := templates.Option{Select: p, Name: text.T(ctx, name)}
	if help != "" {
		o.Help = text.T(ctx, help)
	}
	return o
}

func zoneOption(ctx context.Context, value, browser string) templates.Option {
	own := text.T(ctx, "The browser's")
	if browser != "" {
		own = text.T(ctx, "The browser's: %s", strings.ReplaceAll(browser, "_", " "))
	}
	p := &ui.SelectProps{ID: "set-timezone", Name: "timezone", Value: value, Options: []ui.Option{{Value: "", Label: own}}}
	list := zones
	if value != "" && !slices.Contains(list, value) {
		list = append([]string{value}, list...)
	}
	for _, z := range list {
		p.Options = append(p.Options, ui.Option{Value: z, Label: strings.ReplaceAll(z, "_", " ")})
	}
	return templates.Option{Select: p, Name: text.T(ctx, "Time zone"), Help: text.T(ctx, "Dates are shown by its clock.")}
}

func (h *Handlers) identitiesView(r *http.Request, v *visit, view *templates.SettingsView, edit *templates.IdentityForm) error {
	ctx := r.Context()
	list, err := v.acct.Identities(ctx)
	if err != nil {
		return err
	}
	page := h.site.SettingsPage("identities")
	which := r.URL.Query().Get("edit")
	for i, id := range list {
		row := templates.IdentityView{ID: id.ID, Name: id.Name, Addr: id.Addr, Signature: id.Signature, Default: id.Default || i == 0 && len(list) == 1, Fixed: id.ID == mailproxy.OwnIdentity, Edit: with(page, "edit", id.ID)}
		if row.Name == "" {
			row.Name = id.Addr
		}
		view.Identities = append(view.Identities, row)
		if which != "" && which == id.ID && edit == nil {
			f := identityForm(ctx, h.site, id)
			edit = &f
		}
	}
	if edit == nil {
		f := identityForm(ctx, h.site, mail.Identity{})
		edit = &f
	}
	view.Identity = edit
	return nil
}

func identityForm(ctx context.Context, site link.Site, id mail.Identity) templates.IdentityForm {
	f := templates.IdentityForm{ID: id.ID, Title: text.T(ctx, "Add an identity"),
		Fields: []ui.FieldProps{
			{ID: "id-name", Name: "name", Label: text.T(ctx, "Name"), Value: id.Name, Help: text.T(ctx, "As recipients see it.")},
			{ID: "id-addr", Name: "addr", Label: text.T(ctx, "Address"), Value: id.Addr, InputMode: "email", Required: true, Help: text.T(ctx, "The mail server decides whether you may send from it.")},
			{ID: "id-replyto", Name: "replyto", Label: text.T(ctx, "Answers go to"), Value: id.ReplyTo, InputMode: "email", Help: text.T(ctx, "Empty: the address itself.")},
			{ID: "id-signature", Name: "signature", Label: text.T(ctx, "Signature"), Value: id.Signature, Rows: 4},
		},
		Default: ui.CheckProps{ID: "id-default", Name: "default", Value: "1", Label: text.T(ctx, "Write from this address unless I choose another"), Checked: id.Default},
	}
	if id.ID != "" {
		f.Title, f.Cancel = text.T(ctx, "Change %s", id.Addr), site.SettingsPage("identities")
	}
	return f
}

func (h *Handlers) sessionsView(ctx context.Context, v *visit, view *templates.SettingsView) error {
	list, err := h.store.SessionList(ctx, v.acct.ID())
	if err != nil {
		return err
	}
	view.Everywhere = h.site.Path("/sign-out/everywhere", nil)
	for _, s := range list {
		icon := "monitor"
		if strings.HasSuffix(s.Agent, "iPhone") || strings.HasSuffix(s.Agent, "Android") {
			icon = "smartphone"
		}
		view.Sessions = append(view.Sessions, templates.SessionView{
			Handle: s.Handle, Agent: s.Agent, Address: s.IP, Icon: icon, Seen: text.HeadDate(ctx, s.Seen, v.now), Current: s.Handle == store.SessionHandle(v.session.ID()),
		})
	}
	return nil
}

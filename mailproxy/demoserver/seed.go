package demoserver

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// seedYears is how far back the seeded mail goes.
const seedYears = 3

// seedFolders are made beside the standard mailboxes.
var seedFolders = []string{
	"Verein für Trockenmauern e. V.",
	"Travel",
	"Travel/København 2025",
	"🍋 Rezepte",
	`Fertig ("100 %")`,
	"Archiv/2023/Q3/Projekte/Depot Waalhaven/Übergabe",
}

// gardener plants the mail of one account. Everything it decides comes from
// its random numbers, which come from the address: the same account and the
// same time give the same mail.
type gardener struct {
	me     person
	first  bool // the first account has everything, the others less
	now    time.Time
	r      *rand.Rand
	others map[string]person // further accounts, by the part before the "@"
	plants []plant
}

// plant is a letter and where it goes.
type plant struct {
	l     *letter
	box   string
	flags []imap.Flag
}

// seed fills an account with about n messages. What the letters say is decided
// here; they are written down when somebody reads them.
func seed(s *Server, acc *account, index, n int) {
	local, _, _ := strings.Cut(strings.ToLower(acc.Address), "@")
	g := &gardener{
		me:     person{key: local, name: acc.Name, address: acc.Address, style: "flowed"},
		first:  index == 0,
		now:    s.opts.Now().Truncate(time.Second),
		r:      rand.New(rand.NewPCG(uint64(hash(acc.Address)), 7)),
		others: make(map[string]person),
	}
	for _, a := range s.opts.Accounts {
		key, _, _ := strings.Cut(strings.ToLower(a.Address), "@")
		g.others[key] = person{key: key, name: a.Name, address: a.Address, style: "gmail"}
	}
	for _, name := range seedFolders {
		acc.add(name, "")
	}
	g.heroes()
	share := float64(n) / 2000 // how much of everything
	g.notices(share)
	g.newsletters(share)
	g.spam()
	g.conversations(n)

	slices.SortStableFunc(g.plants, func(a, b plant) int { return a.l.date.Compare(b.l.date) })
	for _, p := range g.plants {
		box := acc.boxes[p.box]
		box.msgs = slices.Grow(box.msgs, 1)
		box.add(p.l.content(), p.l.date, p.flags)
	}
}

// who resolves a key of a script.
func (g *gardener) who(key string) person {
	if key == "me" || key == g.me.key {
		return g.me
	}
	if p, ok := persons[key]; ok {
		return p
	}
	if p, ok := g.others[key]; ok {
		return p
	}
	if key == "mira" { // a script's first person, for another account
		for _, p := range g.others {
			if p.key != g.me.key {
				return p
			}
		}
	}
	if key == "jonas" { // where no such account exists
		return person{key: "jonas", name: "Jonas Öztürk", address: "jonas.oeztuerk@northquay.example", style: "gmail"}
	}
	name, address, _ := strings.Cut(strings.TrimSuffix(key, ">"), " <")
	return person{key: key, name: name, address: address, style: "plain", fails: true}
}

// messageID depends on what the message is only, so that two accounts of one
// conversation hold the same messages.
func (g *gardener) messageID(p person, date time.Time, about string, i int) string {
	return fmt.Sprintf("%s.%08x.%d@%s", date.UTC().Format("20060102150405"), hash(p.address+about), i, domainOf(p.address))
}

// heroes are the conversations at the top, with fixed ages.
func (g *gardener) heroes() {
	for _, sc := range scripts("heroes.txt") {
		if g.first {
			g.play(sc, time.Time{})
		} else if slices.Contains(sc.options["also"], g.me.key) {
			g.play(swapped(sc, g.me.key), time.Time{})
		}
	}
	if g.first {
		g.patchThread()
	}
}

// swapped tells a script from the side of another account: its lines become
// mine, and mine become mira's.
func swapped(sc script, key string) script {
	sc.lines = slices.Clone(sc.lines)
	for i, l := range sc.lines {
		switch l.who {
		case "me":
			sc.lines[i].who = "mira"
		case key:
			sc.lines[i].who = "me"
		}
	}
	sc.options = map[string][]string{"with": {strings.Replace(strings.Join(sc.options["with"], " "), key, "mira", 1)}, "label": sc.options["label"], "also": sc.options["also"]}
	return sc
}

// conversations plants threads of the corpus until there are n messages. The
// scripts are dealt like cards, so that one comes again only after all others,
// with other values in its slots.
func (g *gardener) conversations(n int) {
	deck := slices.Concat(scripts("threads.txt"), scripts("lists.txt"))
	if !g.first {
		deck = slices.DeleteFunc(deck, func(sc script) bool {
			with := strings.Fields(strings.Join(sc.options["with"], " "))
			return slices.Contains(with, "mum") || slices.Contains(with, "erik") || slices.Contains(with, g.me.key)
		})
	}
	total := 0
	for _, sc := range deck {
		total += len(sc.lines)
	}
	// How many threads it will take decides how far they are apart.
	threads := max(1, (n-len(g.plants))*len(deck)/total)
	const oldest = seedYears * 365 * 24 * time.Hour
	const newest = 36 * time.Hour
	for i := 0; len(g.plants) < n; i++ {
		if i%len(deck) == 0 {
			g.r.Shuffle(len(deck), func(a, b int) { deck[a], deck[b] = deck[b], deck[a] })
		}
		// Recent months hold somewhat more than old ones.
		x := (float64(i) + g.r.Float64()) / float64(threads)
		age := newest + time.Duration(float64(oldest-newest)*x*(0.75+0.25*x))
		if _, old := deck[i%len(deck)].options["old"]; old && age < 90*24*time.Hour {
			continue // it resembles one at the top
		}
		g.play(deck[i%len(deck)], g.daytime(g.now.Add(-age)))
	}
}

// daytime moves a moment into the hours when people write.
func (g *gardener) daytime(t time.Time) time.Time {
	hour := 7 + g.r.IntN(15)
	return time.Date(t.Year(), t.Month(), t.Day(), hour, g.r.IntN(60), g.r.IntN(60), 0, t.Location())
}

// play plants one conversation. Without start the script has ages of its own.
func (g *gardener) play(sc script, start time.Time) {
	when := start
	if start.IsZero() {
		when = g.now.Add(-sc.lines[0].age)
	}
	spin := newSpinner(g.r, when)
	var meet time.Time
	if v := sc.options["invite"]; len(v) > 0 {
		var days, hour int
		fmt.Sscanf(v[0], "%d %d", &days, &hour)
		meet = meeting(g.now, days, hour)
		spin.values["meeting"] = meet.Format("Mon 2 Jan, 15:04") + "–" + meet.Add(time.Hour).Format("15:04")
	}
	subject := spin.text(sc.subject)
	var with []person
	for _, k := range strings.Fields(strings.Join(sc.options["with"], " ")) {
		with = append(with, g.who(k))
	}
	list := strings.Join(sc.options["list"], "")
	var labels []imap.Flag
	for _, l := range strings.Fields(strings.Join(sc.options["label"], " ")) {
		labels = append(labels, imap.Flag(l))
	}
	if list != "" {
		labels = append(labels, "Mailing_lists")
	}
	box := "INBOX"
	if v := sc.options["box"]; len(v) > 0 {
		box = v[0]
	} else if !start.IsZero() && g.now.Sub(start) > 120*24*time.Hour && g.r.IntN(100) < 45 {
		box = "Archive"
	}
	starred := !start.IsZero() && g.r.IntN(25) == 0
	var refs []string
	var previous *letter
	var previousPlant int
	date := when
	for i, line := range sc.lines {
		if !start.IsZero() {
			if i > 0 {
				date = date.Add(time.Duration(20+g.r.IntN(900)) * time.Minute)
				if h := date.Hour(); h < 6 {
					date = date.Add(7 * time.Hour)
				}
			}
		} else {
			date = g.now.Add(-line.age)
		}
		if !date.Before(g.now) { // a conversation that goes on after today has not got there yet
			break
		}
		l := &letter{from: g.who(line.who), date: date, subject: subject, refs: slices.Clone(refs), owner: g.me.address}
		mine := l.from.key == g.me.key
		l.received = !mine
		l.id = g.messageID(l.from, date, sc.subject, i)
		if i > 0 && l.subject != "" && !strings.HasPrefix(l.subject, "Re:") {
			l.subject = "Re: " + strings.Join(append(slices.Clone(sc.options["prefix"]), subject), " ")
		}
		if v := line.options["subject"]; len(v) > 0 {
			l.subject = spin.text(v[0])
		}
		g.address(l, with, previous, list)
		l.text = g.mine(spin.text(line.text), sc)
		for _, name := range append(slices.Clone(line.options["file"]), sc.options["file"]...) {
			if i > 0 && slices.Contains(sc.options["file"], name) {
				continue // files of the script come with its first message
			}
			a := file(strings.ReplaceAll(spin.text(name), "/", "-"))
			l.attached = append(l.attached, a)
		}
		for _, a := range line.options["reply"] {
			l.fields = append(l.fields, [2]string{"Reply-To", a})
		}
		if _, ok := line.options["invitation"]; ok || len(line.options["invitation"]) > 0 {
			title, place, _ := strings.Cut(strings.SplitN(sc.options["invite"][0], " ", 3)[2], "|")
			l.calendar = invitation(l.id, title, place, meet.UTC().Format(icsTime), meet.Add(time.Hour).UTC().Format(icsTime), "REQUEST", l.from, []person{g.me})
			l.method = "REQUEST"
			l.attached = append(l.attached, attachment{name: "invite.ics", typ: "application/ics", data: func() []byte { return base64Lines([]byte(l.calendar)) }})
		}
		g.dress(l, sc, spin, line, previous, list)

		flags := []imap.Flag{imap.FlagSeen}
		target := box
		switch {
		case slices.Contains(line.flags, "draft"):
			target, flags = "Drafts", append(flags, imap.FlagDraft)
		case mine:
			target = "Sent"
		case slices.Contains(line.flags, "unread"):
			flags = nil
		}
		if target != "Drafts" && target != "Sent" {
			flags = append(flags, labels...)
		}
		if slices.Contains(line.flags, "star") || starred && i == 0 {
			flags = append(flags, imap.FlagFlagged)
		}
		if mine && target == "Sent" && previous != nil && !previousMine(g, previous) {
			p := &g.plants[previousPlant]
			p.flags = append(p.flags, imap.FlagAnswered)
		}
		g.plants = append(g.plants, plant{l, target, flags})
		refs = append(refs, l.id)
		previous, previousPlant = l, len(g.plants)-1
	}
}

// mine puts the account's name where the corpus says Mira, unless the text was
// written to several.
func (g *gardener) mine(text string, sc script) string {
	if g.me.key == "mira" || len(sc.options["also"]) > 0 {
		return text
	}
	first, _, _ := strings.Cut(g.me.name, " ")
	return strings.NewReplacer("Mira Lindqvist", g.me.name, "Frau Lindqvist", g.me.name, "Ms Lindqvist", g.me.name,
		"リンドクヴィスト", first, "Mira", first, "Miro", first, "Міро", first, "ميرا", first, "מירה", first, "미라", first, "Μίρα", first).Replace(text)
}

func previousMine(g *gardener, l *letter) bool { return l.from.key == g.me.key }

// address sets recipients: a list, or the others of the conversation.
func (g *gardener) address(l *letter, with []person, previous *letter, list string) {
	if list != "" {
		l.to = []person{{address: list + "@lists.example"}}
		l.fields = append(l.fields,
			[2]string{"List-Id", fmt.Sprintf("<%s.lists.example>", list)},
			[2]string{"List-Post", fmt.Sprintf("<mailto:%s@lists.example>", list)},
			[2]string{"List-Unsubscribe", fmt.Sprintf("<https://lists.example/%s/unsubscribe>, <mailto:%s-leave@lists.example>", list, list)},
			[2]string{"List-Archive", fmt.Sprintf("<https://lists.example/%s/archive/>", list)},
			[2]string{"Precedence", "list"})
		return
	}
	all := append([]person{g.me}, with...)
	if previous != nil && previous.from.key != l.from.key {
		l.to = append(l.to, previous.from)
	}
	for _, p := range all {
		if p.key == l.from.key || previous != nil && p.key == previous.from.key {
			continue
		}
		if len(l.to) == 0 {
			l.to = append(l.to, p)
		} else {
			l.cc = append(l.cc, p)
		}
	}
	if len(l.to) == 0 {
		l.to = []person{g.me}
	}
}

// newsletters plants the issues of the periodicals.
func (g *gardener) newsletters(share float64) {
	for _, pub := range publications() {
		days := float64(pub.days) / min(max(share, 0.2), 4)
		for k := 0; ; k++ {
			age := time.Duration((float64(k)*days + 1 + float64(hash(pub.name)%5)) * 24 * float64(time.Hour))
			if age > seedYears*365*24*time.Hour {
				break
			}
			if !g.first && pub.days < 30 {
				break
			}
			date := g.daytime(g.now.Add(-age))
			if !date.Before(g.now) {
				continue
			}
			l := pub.issue(g, date, int(3*365/pub.days)-k)
			box, flags := "INBOX", []imap.Flag{imap.FlagSeen}
			switch n := g.r.IntN(20); {
			case n < 7:
				box = "Archive"
			case n >= 7 && n < 10 && age < 100*24*time.Hour:
				box = "Trash"
			}
			flags = append(flags, "Mailing_lists")
			g.plants = append(g.plants, plant{l, box, flags})
		}
	}
}

// notices plants what companies send by themselves.
func (g *gardener) notices(share float64) {
	for _, sc := range scripts("notices.txt") {
		every := strings.Fields(strings.Join(sc.options["every"], " "))
		if !g.first && hash(sc.subject)%3 > 0 {
			continue
		}
		var days float64
		day := 0
		if every[0] == "month" {
			days = 30.437
			fmt.Sscan(every[1], &day)
		} else {
			fmt.Sscan(every[0], &days)
			days /= min(max(share, 0.2), 4)
		}
		offset := float64(hash(sc.subject)%100) / 100 * days
		for k := 0.0; k*days < seedYears*365; k++ {
			date := g.daytime(g.now.Add(-time.Duration((offset + k*days) * 24 * float64(time.Hour))))
			if day > 0 {
				date = time.Date(date.Year(), date.Month(), day, date.Hour(), date.Minute(), 0, 0, date.Location())
			}
			if age := g.now.Sub(date); age < 40*time.Hour || slices.Contains(sc.options["from"], "stadtwerke") && age < 31*24*time.Hour {
				continue // the top of the inbox is taken
			}
			g.notice(sc, date)
		}
	}
}

func (g *gardener) notice(sc script, date time.Time) {
	spin := newSpinner(g.r, date)
	from := g.who(strings.Join(sc.options["from"], ""))
	l := &letter{
		from: from, to: []person{g.me}, date: date, received: true, owner: g.me.address,
		id: g.messageID(from, date, sc.subject, 0), subject: spin.text(sc.subject),
	}
	l.text = spin.text(sc.lines[0].text)
	l.text = g.mine(l.text, sc)
	for _, name := range sc.options["file"] {
		l.attached = append(l.attached, file(spin.text(name)))
	}
	g.dress(l, sc, spin, scriptLine{}, nil, "")
	box, flags := "INBOX", []imap.Flag{imap.FlagSeen}
	if v := sc.options["box"]; len(v) > 0 {
		box = v[0]
	} else if age := g.now.Sub(date); age > 90*24*time.Hour && g.r.IntN(100) < 50 {
		box = "Archive"
	} else if age < 60*24*time.Hour && g.r.IntN(4) == 0 {
		box = "Trash"
	}
	for _, lab := range strings.Fields(strings.Join(sc.options["label"], " ")) {
		flags = append(flags, imap.Flag(lab))
	}
	g.plants = append(g.plants, plant{l, box, flags})
}

// spam plants the junk, a bounce and what else nobody wrote by hand.
func (g *gardener) spam() {
	for i, sc := range scripts("spam.txt") {
		if !g.first && i%3 != 0 {
			continue
		}
		date := g.now.Add(-time.Duration(3+i*29) * time.Hour)
		spin := newSpinner(g.r, date)
		from := g.who(sc.lines[0].who)
		l := &letter{
			from: from, to: []person{{address: g.me.address}}, date: date, received: true, owner: g.me.address,
			id: g.messageID(from, date, sc.subject, i), subject: spin.text(sc.subject), text: spin.text(sc.lines[0].text),
			fields: [][2]string{{"X-Spam-Status", fmt.Sprintf("Yes, score=%d.%d required=5.0", 6+i%9, i%10)}, {"X-Spam-Flag", "YES"}},
		}
		if i%2 == 0 {
			l.html = spamHTML(l)
		}
		for _, f := range append(sc.lines[0].options["file"], sc.options["file"]...) {
			l.attached = append(l.attached, file(f))
		}
		g.plants = append(g.plants, plant{l, "Junk", []imap.Flag{imap.FlagJunk}})
	}
	// Two messages that came back.
	for i, to := range []string{"info@steinbruch-alt.example", "r.meier@umgezogen.example"} {
		date := g.now.Add(-time.Duration(17+i*160) * 24 * time.Hour)
		sent := &letter{
			from: g.me, to: []person{{address: to}}, date: date.Add(-time.Minute), owner: g.me.address, id: g.messageID(g.me, date, to, i),
			subject: [...]string{"Anfrage: Bruchsteine für den Lehrgarten", "Photo of the old gate"}[i],
			text:    [...]string{"Guten Tag,\n\nhaben Sie noch Bruchsteine in handlichen Größen? Wir bräuchten etwa zwei Tonnen.\n\nFreundliche Grüße\n" + g.me.name, "Dear Mr Meier,\n\nhere is the photo that I promised.\n\nKind regards\n" + g.me.name}[i],
		}
		g.plants = append(g.plants, plant{sent, "Sent", []imap.Flag{imap.FlagSeen}})
		original := newContent(sent.segments()...).bytes()
		report := &letter{date: date, report: bounce(Account{Address: g.me.address, Name: g.me.name}, to, original, date)}
		g.plants = append(g.plants, plant{report, "INBOX", []imap.Flag{imap.FlagSeen}})
	}
}

// patchThread is the long conversation of a mailing list: a cover letter,
// eleven patches and the talk about them, 27 messages.
func (g *gardener) patchThread() {
	var titles []string
	var talk []scriptLine
	for line := range strings.Lines(corpusFile("patches.txt")) {
		line = strings.TrimRight(line, "\n")
		switch f := strings.Fields(line); {
		case strings.HasPrefix(line, "@ "):
			titles = append(titles, line[2:])
		case len(f) == 3 && f[0] == "> "[:1] && (f[1] == "me" || persons[f[1]].key != "") && len(f[2]) <= 2:
			talk = append(talk, scriptLine{who: f[1], flags: []string{f[2]}})
		case line == "% last":
		case len(talk) > 0:
			talk[len(talk)-1].text += line + "\n"
		}
	}
	const top = 17*time.Hour + 38*time.Minute // age of the last message
	ilmari := persons["ilmari"]
	subject := func(i int, title string) string {
		return fmt.Sprintf("[PATCH v4 %02d/%02d] %s", i, len(titles), title)
	}
	begin := g.now.Add(-8 * 24 * time.Hour)
	ids := make([]string, len(titles)+1)
	post := func(l *letter) {
		l.owner = g.me.address
		g.address(l, nil, nil, "mail-devel")
		box, flags := "INBOX", []imap.Flag{imap.FlagSeen, "Mailing_lists"}
		if l.from.key == g.me.key {
			box, flags = "Sent", flags[:1]
		} else {
			l.received = true
		}
		g.plants = append(g.plants, plant{l, box, flags})
	}
	for i := range len(titles) + 1 {
		l := &letter{from: ilmari, date: begin.Add(time.Duration(i) * 7 * time.Second)}
		l.id = fmt.Sprintf("%s.%d-cache-v4@%s", l.date.UTC().Format("20060102150405"), i, domainOf(ilmari.address))
		ids[i] = l.id
		if i == 0 {
			l.subject = subject(0, "keep what cannot change")
			l.text = "Hello list,\n\nthis is the fourth round. It keeps body structures with the cache entry and asks\nfor the missing ones only.\n\nSince v3:\n- entries are bounded in size (Gudrún)\n- one transaction per folder (Kees)\n- tests with a server that changes its mind\n\n"
			for k, t := range titles {
				l.text += fmt.Sprintf("  %2d. %s\n", k+1, t)
			}
			l.text += "\n 14 files changed, 611 insertions(+), 208 deletions(-)\n"
		} else {
			l.subject = subject(i, titles[i-1])
			l.refs = ids[:1:1]
			l.text = fmt.Sprintf("%s.\n\nWithout this the folder is asked again whenever it is opened.\n\nSigned-off-by: Ilmari Koskinen <ilmari@kernelwerk.example>\n---\n%s",
				strings.ToUpper(titles[i-1][:1])+titles[i-1][1:], patchFor(titles[i-1]))
			if i == 3 {
				l.attached = []attachment{file("0003-imap.patch")}
			}
		}
		post(l)
	}
	span := 8*24*time.Hour - top - 2*time.Hour
	last := make(map[string]string) // patch number → newest id in its branch
	for i, t := range talk {
		n := 0
		fmt.Sscan(t.flags[0], &n)
		from := g.who(t.who)
		date := begin.Add(time.Hour + span*time.Duration(i)/time.Duration(len(talk)))
		if i == len(talk)-1 {
			date = g.now.Add(-top)
		}
		l := &letter{from: from, date: date, subject: "Re: " + subject(n, titles[n-1]), text: strings.TrimSpace(t.text), id: g.messageID(from, date, t.text, i)}
		l.refs = []string{ids[0], ids[n]}
		if prev := last[t.flags[0]]; prev != "" {
			l.refs = append(l.refs, prev)
		}
		last[t.flags[0]] = l.id
		post(l)
	}
}

// patchFor is a small difference to a file named in a patch's title.
func patchFor(title string) string {
	area, _, _ := strings.Cut(title, ":")
	return fmt.Sprintf(" %s/%s.go | %d %s\n 1 file changed, %d insertions(+), %d deletions(-)\n\n", area, area, 4+hash(title)%40, "++++++--", 3+hash(title)%30, 1+hash(title)%9) +
		strings.ReplaceAll(patchText, "imap/fetch.go", area+"/"+area+".go")
}

const patchText = `diff --git a/imap/fetch.go b/imap/fetch.go
index 6f1b0a2..a93c7de 100644
--- a/imap/fetch.go
+++ b/imap/fetch.go
@@ -118,9 +118,14 @@ func (f *fetcher) structure(uid uint32) (*Structure, error) {
 	entry := f.cache.entry(uid)
-	if entry == nil {
-		return f.ask(uid)
+	if entry.Complete() {
+		return entry.Structure, nil
 	}
-	f.ask(uid)
-	return entry.Structure, nil
+	s, err := f.ask(uid)
+	if err != nil {
+		return nil, err
+	}
+	entry.Complete = true
+	entry.Structure = s
+	return s, nil
 }
-- 
2.39.5
`

// arrive delivers a new message to the first account again and again.
func (s *Server) arrive(every time.Duration) {
	acc := s.accounts[0]
	t := time.NewTicker(every)
	defer t.Stop()
	deck := scripts("live.txt")
	local, _, _ := strings.Cut(strings.ToLower(acc.Address), "@")
	g := &gardener{
		me: person{key: local, name: acc.Name, address: acc.Address, style: "flowed"},
		r:  rand.New(rand.NewPCG(uint64(s.opts.Now().UnixNano()), 9)), others: make(map[string]person),
	}
	for _, a := range s.opts.Accounts[1:] {
		key, _, _ := strings.Cut(strings.ToLower(a.Address), "@")
		g.others[key] = person{key: key, name: a.Name, address: a.Address, style: "gmail"}
	}
	for i := 0; ; i++ {
		select {
		case <-s.ctx.Done():
			return
		case <-t.C:
		}
		g.now = s.opts.Now()
		sc := deck[i%len(deck)]
		l := g.live(sc)
		if _, _, err := acc.append("INBOX", l.content(), g.now, nil); err != nil {
			s.log.Debug("delivery failed", "error", err)
		}
	}
}

// live writes one arriving message.
func (g *gardener) live(sc script) *letter {
	spin := newSpinner(g.r, g.now)
	line := sc.lines[0]
	from := g.who(line.who)
	l := &letter{
		from: from, to: []person{g.me}, date: g.now, received: true, owner: g.me.address,
		id: g.messageID(from, g.now, sc.subject, g.r.IntN(1<<30)), subject: spin.text(sc.subject), text: spin.text(line.text),
	}
	for _, f := range line.options["file"] {
		l.attached = append(l.attached, file(spin.text(f)))
	}
	g.dress(l, sc, spin, line, nil, "")
	return l
}

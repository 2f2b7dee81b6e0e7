package demoserver

import (
	"fmt"
	"strings"
	"time"
)

const icsTime = "20060102T150405Z"

// invitation is an iCalendar object with one event (RFC 5545).
func invitation(uid, summary, location, from, to, method string, organizer person, attendees []person) string {
	var b strings.Builder
	line := func(format string, args ...any) { b.WriteString(icsFold(fmt.Sprintf(format, args...))) }
	line("BEGIN:VCALENDAR")
	line("PRODID:-//Postern//Demo//EN")
	line("VERSION:2.0")
	line("CALSCALE:GREGORIAN")
	line("METHOD:%s", method)
	line("BEGIN:VEVENT")
	line("UID:%s", uid)
	line("DTSTAMP:%s", from)
	line("DTSTART:%s", from)
	line("DTEND:%s", to)
	line("SEQUENCE:0")
	line("SUMMARY:%s", icsText(summary))
	if location != "" {
		line("LOCATION:%s", icsText(location))
	}
	if organizer.address != "" {
		line("ORGANIZER;CN=\"%s\":mailto:%s", organizer.name, organizer.address)
	}
	for _, a := range attendees {
		line("ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"%s\":mailto:%s", a.name, a.address)
	}
	line("STATUS:CONFIRMED")
	line("END:VEVENT")
	line("END:VCALENDAR")
	return b.String()
}

func icsText(s string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(s)
}

// icsFold breaks a line after at most 75 octets, never within a character
// (RFC 5545 section 3.1).
func icsFold(s string) string {
	var b strings.Builder
	n := 0
	for _, r := range s {
		c := string(r)
		if n+len(c) > 75 {
			b.WriteString("\r\n ")
			n = 1
		}
		b.WriteString(c)
		n += len(c)
	}
	b.WriteString("\r\n")
	return b.String()
}

// meeting is the nearest working day after so many days, at a full hour.
func meeting(now time.Time, days, hour int) time.Time {
	t := time.Date(now.Year(), now.Month(), now.Day()+days, hour, 0, 0, 0, now.Location())
	for t.Weekday() == time.Saturday || t.Weekday() == time.Sunday {
		t = t.AddDate(0, 0, 1)
	}
	return t
}

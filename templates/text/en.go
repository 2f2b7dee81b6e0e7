package text

import (
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// plurals holds the singular of each message whose first argument is a count.
// The key is the plural.
var plurals = map[string]string{
	"%d conversations archived":             "Conversation archived",
	"%d conversations deleted":              "Conversation moved to Trash",
	"%d conversations deleted for good":     "Conversation deleted for good",
	"%d conversations moved to %s":          "Conversation moved to %[2]s",
	"%d conversations reported as spam":     "Conversation reported as spam",
	"%d conversations moved to Inbox":       "Conversation moved to Inbox",
	"%d conversations marked as read":       "Conversation marked as read",
	"%d conversations marked as unread":     "Conversation marked as unread",
	"%d conversations starred":              "Conversation starred",
	"%d stars removed":                      "Star removed",
	"%d were no longer there.":              "One was no longer there.",
	"%d unread":                             "%d unread",
	"%d messages wait for the mail server.": "One message waits for the mail server.",
	"%d messages":                           "%d message",
	"%d drafts":                             "%d draft",
	"%d attachments":                        "%d attachment",
	"%d results":                            "%d result",
	"%d remote images are blocked":          "A remote image is blocked",
	"%d mailboxes below it":                 "one mailbox below it",
	"%d sessions signed out":                "One session signed out",
	"%d recipients":                         "%d recipient",
	"%d minutes":                            "%d minute",
}

func init() {
	for many, one := range plurals {
		// Arg 1 is the count in every message of the table.
		if err := cat.Set(language.English, many, plural.Selectf(1, "%d", plural.One, one, plural.Other, many)); err != nil {
			panic(err)
		}
	}
}

package demoserver

import (
	"bytes"
	"fmt"
	"time"
)

// bounce is a delivery report (RFC 3464) to the sender of a message that could
// not be delivered.
func bounce(to Account, recipient string, original []byte, now time.Time) []byte {
	id := fmt.Sprintf("%x", now.UnixNano())
	boundary := "report-" + id
	date := now.Format(time.RFC1123Z)
	header := original[:headerEnd(original)]
	var b bytes.Buffer
	fmt.Fprintf(&b, "Return-Path: <>\r\nDelivered-To: %s\r\n", to.Address)
	fmt.Fprintf(&b, "From: Mail Delivery System <MAILER-DAEMON@mail.postern.test>\r\nTo: %s\r\n", mailboxField(to.Name, to.Address))
	fmt.Fprintf(&b, "Subject: Undelivered Mail Returned to Sender\r\nDate: %s\r\nMessage-ID: <%s@mail.postern.test>\r\n", date, id)
	if ids := msgIDs(field(header, "Message-ID")); len(ids) > 0 {
		fmt.Fprintf(&b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", ids[0], ids[0])
	}
	fmt.Fprintf(&b, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n")
	fmt.Fprintf(&b, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n\r\n", boundary)
	fmt.Fprintf(&b, "--%s\r\nContent-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n", boundary)
	fmt.Fprintf(&b, "This is the mail system at host mail.postern.test.\r\n\r\n"+
		"I'm sorry to have to inform you that your message could not\r\n"+
		"be delivered to one or more recipients. It's attached below.\r\n\r\n"+
		"<%s>: host mx.%s said: 550 5.1.1\r\n    Recipient address rejected: User unknown (in reply to RCPT TO command)\r\n\r\n",
		recipient, domainOf(recipient))
	fmt.Fprintf(&b, "--%s\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n", boundary)
	fmt.Fprintf(&b, "Reporting-MTA: dns; mail.postern.test\r\nArrival-Date: %s\r\n\r\n", date)
	fmt.Fprintf(&b, "Final-Recipient: rfc822; %s\r\nOriginal-Recipient: rfc822;%s\r\nAction: failed\r\nStatus: 5.1.1\r\n"+
		"Remote-MTA: dns; mx.%s\r\nDiagnostic-Code: smtp; 550 5.1.1 Recipient address rejected: User unknown\r\n\r\n",
		recipient, recipient, domainOf(recipient))
	fmt.Fprintf(&b, "--%s\r\nContent-Description: Undelivered Message Headers\r\nContent-Type: text/rfc822-headers\r\n\r\n", boundary)
	b.Write(bytes.TrimRight(header, "\r\n"))
	fmt.Fprintf(&b, "\r\n\r\n--%s--\r\n", boundary)
	return b.Bytes()
}

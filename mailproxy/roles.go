package mailproxy

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"postern/mailproxy/mail"
)

// roleOrder is the order of mailboxes with a role in lists.
var roleOrder = map[mail.Role]int{
	mail.RoleInbox: 1, mail.RoleStarred: 2, mail.RoleDrafts: 3, mail.RoleSent: 4,
	mail.RoleArchive: 5, mail.RoleAll: 6, mail.RoleJunk: 7, mail.RoleTrash: 8,
}

// roleOfAttr is the role that a SPECIAL-USE attribute gives (RFC 6154 section 2).
func roleOfAttr(a imap.MailboxAttr) mail.Role {
	switch strings.ToLower(string(a)) {
	case `\drafts`:
		return mail.RoleDrafts
	case `\sent`:
		return mail.RoleSent
	case `\archive`:
		return mail.RoleArchive
	case `\all`:
		return mail.RoleAll
	case `\junk`, `\spam`: // \Spam: XLIST
		return mail.RoleJunk
	case `\trash`:
		return mail.RoleTrash
	case `\flagged`, `\starred`:
		return mail.RoleStarred
	}
	return mail.RoleNone
}

// wellKnownNames are the last levels of mailbox names that mail programs and
// servers give to mailboxes with a role, in lower case; the better-known come
// first, since a role is given once.
var wellKnownNames = []struct {
	role  mail.Role
	names []string
}{
	{mail.RoleSent, []string{
		"sent", "sent items", "sent messages", "sent mail", "sent-mail", "sentmail", "outbox.sent",
		"gesendet", "gesendete elemente", "gesendete objekte", "gesendete nachrichten", "gesendete e-mails",
		"envoyés", "éléments envoyés", "messages envoyés", "courrier envoyé",
		"enviados", "elementos enviados", "mensajes enviados", "correo enviado", "itens enviados", "mensagens enviadas",
		"inviata", "posta inviata", "posta inviate", "elementi inviati", "messaggi inviati", "inviati",
		"verzonden", "verzonden items", "verzonden berichten", "skickat", "skickade", "skickade objekt", "skickade meddelanden",
		"sendt", "sendte elementer", "sendte", "sendt post", "lähetetyt", "lähetetyt viestit",
		"wysłane", "elementy wysłane", "odeslané", "odeslaná pošta", "odoslané", "odoslaná pošta", "elküldött", "elküldött elemek", "elküldött levelek",
		"trimise", "elemente trimise", "poslane stavke", "poslano", "poslato", "изпратени",
		"отправленные", "отправленные письма", "надіслані", "відправлені", "απεσταλμένα", "gönderilmiş öğeler", "gönderilmiş postalar", "gönderilen", "gönderilenler",
		"送信済み", "送信済みメール", "送信済みアイテム", "已发送", "已发送邮件", "已傳送", "寄件備份", "已寄出", "보낸편지함", "보낸 편지함", "보낸 메일함",
		"المرسلة", "البريد المرسل", "العناصر المرسلة", "נשלח", "פריטים שנשלחו", "đã gửi", "รายการที่ส่ง",
	}},
	{mail.RoleDrafts, []string{
		"drafts", "draft", "entwürfe", "entwurf", "brouillons", "brouillon", "borradores", "borrador", "rascunhos", "rascunho",
		"bozze", "concepten", "concept", "utkast", "kladder", "kladde", "luonnokset",
		"kopie robocze", "wersje robocze", "szkice", "koncepty", "rozepsané", "rozpísané", "piszkozatok", "ciorne", "schițe", "osnutki", "skice", "nacrti", "чернови",
		"черновики", "чернетки", "πρόχειρα", "taslaklar", "下書き", "草稿", "草稿箱", "草稿匣", "임시보관함", "임시 보관함", "المسودات", "מסודات", "טיוטות", "thư nháp", "ร่างจดหมาย",
	}},
	{mail.RoleTrash, []string{
		"trash", "deleted items", "deleted messages", "deleted", "bin", "recycle bin", "wastebasket",
		"papierkorb", "gelöschte elemente", "gelöschte objekte", "gelöscht",
		"corbeille", "éléments supprimés", "supprimés", "poubelle", "papelera", "elementos eliminados", "eliminados", "lixeira", "itens excluídos", "lixo",
		"cestino", "posta eliminata", "elementi eliminati", "prullenbak", "verwijderde items", "papperskorg", "papperskorgen", "borttaget", "borttagna objekt", "raderade objekt",
		"papirkurv", "slettede elementer", "slettet post", "søppel", "roskakori", "poistetut",
		"kosz", "elementy usunięte", "usunięte", "koš", "odstraněná pošta", "kôš", "odstránená pošta", "kuka", "törölt elemek", "lomtár", "coș de gunoi", "coş de gunoi", "elemente șterse", "smeti", "smeće", "otpad", "кошче",
		"корзина", "удаленные", "удалённые", "кошик", "видалені", "κάδος απορριμμάτων", "διαγραμμένα", "çöp", "çöp kutusu", "silinmiş öğeler",
		"ゴミ箱", "ごみ箱", "削除済みアイテム", "垃圾桶", "已删除", "已删除邮件", "已刪除的郵件", "废件箱", "휴지통", "지운 편지함",
		"سلة المهملات", "المهملات", "العناصر المحذوفة", "אשפה", "פריטים שנמחקו", "thùng rác", "ถังขยะ",
	}},
	{mail.RoleJunk, []string{
		"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "bulk", "spambox",
		"spamverdacht", "spam-verdacht", "unerwünscht", "junk-e-mail", "indésirables", "courrier indésirable", "pourriel",
		"correo no deseado", "correo basura", "lixo eletrônico", "lixo eletrónico", "posta indesiderata", "ongewenste e-mail", "ongewenst", "skräppost", "uønsket e-post", "uønsket mail", "søppelpost", "roskaposti",
		"wiadomości-śmieci", "niechciane", "nevyžádaná pošta", "nevyžiadaná pošta", "levélszemét", "mesaje nedorite", "neželena pošta", "neželjena pošta", "нежелана поща",
		"спам", "нежелательная почта", "небажана пошта", "ανεπιθύμητα", "ανεπιθύμητη αλληλογραφία", "gereksiz", "istenmeyen", "önemsiz e-posta", "istenmeyen e-posta",
		"迷惑メール", "垃圾邮件", "垃圾郵件", "스팸", "스팸메일함", "정크 메일", "البريد العشوائي", "البريد غير الهام", "דואר זבל", "ספאם", "thư rác", "จดหมายขยะ",
	}},
	{mail.RoleArchive, []string{
		"archive", "archives", "archived", "archiv", "archivieren", "archivo", "archivos", "archivados", "arquivo", "arquivados", "archivio", "archivi", "archief", "arkiv", "arkisto",
		"archiwum", "archív", "archívum", "arhivă", "arhiva", "arhiv", "архив", "архів", "αρχείο", "αρχειοθήκη", "arşiv", "アーカイブ", "归档", "存档", "封存", "보관함", "الأرشيف", "أرشيف", "ארכיון", "lưu trữ",
	}},
}

var roleByName = func() map[string]mail.Role {
	m := map[string]mail.Role{}
	for _, k := range wellKnownNames {
		for _, n := range k.names {
			m[n] = k.role
		}
	}
	return m
}()

// nameRank is how well known a name is for its role; less is better.
var nameRank = func() map[string]int {
	m := map[string]int{}
	for _, k := range wellKnownNames {
		for i, n := range k.names {
			m[n] = i
		}
	}
	return m
}()

// giveRoles sets the roles of a sorted list: those the person chose, else the
// server's, else by well-known names among the personal mailboxes at the top and
// right below the inbox. Each role is given once.
func giveRoles(boxes []mail.Mailbox, attrs map[string]mail.Role, chosen map[string]mail.Role) {
	taken := map[mail.Role]bool{}
	give := func(b *mail.Mailbox, r mail.Role, by mail.RoleSource) {
		if r != mail.RoleNone && !taken[r] && b.Role == mail.RoleNone && (b.Selectable || r == mail.RoleInbox) {
			b.Role, b.RoleBy = r, by
			taken[r] = true
		}
	}
	for i := range boxes {
		if boxes[i].Name == "INBOX" {
			give(&boxes[i], mail.RoleInbox, mail.RoleByServer)
		}
	}
	for i := range boxes {
		if r := chosen[boxes[i].Name]; r != mail.RoleInbox {
			give(&boxes[i], r, mail.RoleByPerson)
		}
	}
	refused := func(b *mail.Mailbox) bool { // the person said: nothing special
		r, ok := chosen[b.Name]
		return ok && r == mail.RoleNone
	}
	for i := range boxes {
		if b := &boxes[i]; b.Namespace == mail.Personal && !refused(b) {
			give(b, attrs[b.Name], mail.RoleByServer)
		}
	}
	type candidate struct{ at, rank int }
	best := map[mail.Role]candidate{}
	for i := range boxes {
		b := &boxes[i]
		if b.Namespace != mail.Personal || b.Depth > 1 || b.Depth == 1 && b.Parent != "INBOX" || !b.Selectable || b.Role != mail.RoleNone || refused(b) {
			continue
		}
		n := strings.ToLower(b.Leaf)
		r := roleByName[n]
		if r == mail.RoleNone || taken[r] {
			continue
		}
		rank := nameRank[n] + 1000*b.Depth
		if c, ok := best[r]; !ok || rank < c.rank {
			best[r] = candidate{i, rank}
		}
	}
	for r, c := range best {
		give(&boxes[c.at], r, mail.RoleByName)
	}
}

// newRoleName is the name for a mailbox that is made for a role.
func newRoleName(r mail.Role) string {
	switch r {
	case mail.RoleArchive:
		return "Archive"
	case mail.RoleTrash:
		return "Trash"
	case mail.RoleJunk:
		return "Junk"
	case mail.RoleSent:
		return "Sent"
	case mail.RoleDrafts:
		return "Drafts"
	}
	return ""
}

// attrOfRole is the attribute to create a mailbox with (RFC 6154 section 3).
func attrOfRole(r mail.Role) imap.MailboxAttr {
	switch r {
	case mail.RoleArchive:
		return imap.MailboxAttrArchive
	case mail.RoleTrash:
		return imap.MailboxAttrTrash
	case mail.RoleJunk:
		return imap.MailboxAttrJunk
	case mail.RoleSent:
		return imap.MailboxAttrSent
	case mail.RoleDrafts:
		return imap.MailboxAttrDrafts
	}
	return ""
}

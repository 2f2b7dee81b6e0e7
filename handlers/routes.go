package handlers

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"postern/mailproxy/mail"
	"postern/static"
)

// Routes is the map of the site, below its base path.
func (h *Handlers) Routes() http.Handler {
	root := chi.NewRouter()
	root.Use(h.web.Middleware()...)
	root.Use(middleware.GetHead)
	root.NotFound(h.notFound)
	root.MethodNotAllowed(h.notAllowed)
	base := h.site.Base
	if base == "" {
		h.routes(root)
		return root
	}
	root.Route(base, h.routes)
	root.Get("/healthz", h.healthz)
	root.Get("/readyz", h.readyz)
	return root
}

func (h *Handlers) routes(r chi.Router) {
	r.Get("/healthz", h.healthz)
	r.Get("/readyz", h.readyz)
	r.Handle("/static/*", static.Handler())

	r.Get("/sign-in", h.signInPage)
	r.Post("/sign-in", h.signIn)
	r.Post("/sign-out", h.signOut)
	r.Post("/sign-out/everywhere", h.page(h.signOutEverywhere))

	r.Get("/", h.page(h.home))
	r.Get("/mail", h.page(h.home))
	r.Get("/mail/*", h.page(h.mailbox))
	r.Get("/search", h.page(h.search))
	r.Post("/act", h.page(h.act))
	r.Post("/undo", h.page(h.undo))

	r.Route("/message/{ref}", func(r chi.Router) {
		r.Get("/", h.page(h.message))
		r.Get("/frame", h.page(h.frame))
		r.Get("/raw", h.page(h.raw))
		r.Get("/source", h.page(h.source))
		r.Get("/print", h.page(h.printPage))
		r.Get("/part/{part}", h.page(h.part))
		r.Get("/part/{part}/*", h.page(h.part))
		r.Post("/images", h.page(h.showImages))
	})
	r.Get("/remote", h.page(h.remoteImage))

	r.Get("/compose", h.page(h.compose))
	r.Post("/compose", h.page(h.composeAct))
	r.Post("/compose/upload", h.page(h.upload))
	r.Get("/compose/picture/{address}", h.page(h.parked))
	r.Get("/outbox", h.page(h.outbox))
	r.Post("/outbox", h.page(h.outboxAct))

	r.Get("/mailboxes", h.page(h.mailboxes))
	r.Post("/mailboxes", h.page(h.mailboxesAct))

	r.Get("/settings", h.page(h.settingsPage))
	r.Get("/settings/{page}", h.page(h.settingsPage))
	r.Post("/settings/{page}", h.page(h.settingsSave))
}

func (h *Handlers) healthz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

func (h *Handlers) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if h.opt.Ready != nil {
		if err := h.opt.Ready(); err != nil {
			h.web.LogError(r, http.StatusServiceUnavailable, err)
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not ready\n"))
			return
		}
	}
	_, _ = w.Write([]byte("ready\n"))
}

func (h *Handlers) notFound(w http.ResponseWriter, r *http.Request) {
	h.web.Fail(w, r, mail.Errorf(mail.NotFound, "There is no page at this address."))
}

func (h *Handlers) notAllowed(w http.ResponseWriter, r *http.Request) {
	h.web.Fail(w, r, mail.Errorf(mail.NotFound, "This address cannot be used in this way."))
}

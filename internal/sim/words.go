package sim

import (
	"strconv"
	"time"

	"poterne/internal/policy"
)

// words is what the page says in one language. Names of attacks and oddities are
// the same in both: the command line knows them by these.
type words struct {
	Group, Point string // between thousands, before decimals

	Title, Question, Answer                      string
	OfSeeds, Agents, Days                        string
	Attacks, AttacksLead, ChartTitle             string
	Attack, Accounts, Outside, Inside, StoppedAt string
	P95, Never, Opening                          string
	Bare, ByRate, ByCap                          string
	Oddities, OdditiesLead, Oddity, Stopped, Of  string
	Honest, HonestLead, Trade, AgentDays         string
	Openings, Unexplained, Per1000, All          string
	AgentsMet                                    string
	Limits                                       string
	LimitsList                                   []string
	Again                                        string

	seconds, minutes, hours, days string
	trades                        map[string]string
	sentences                     map[string]string // of attacks and oddities; empty: as they are written
}

// span says how long something took.
func (w words) span(d time.Duration) string {
	switch {
	case d < time.Second:
		return w.rate(d.Seconds()) + "\u00a0" + w.seconds
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Seconds()+0.5)) + "\u00a0" + w.seconds
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Minutes()+0.5)) + "\u00a0" + w.minutes
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours()+0.5)) + "\u00a0" + w.hours
	default:
		return strconv.Itoa(int(d.Hours()/24+0.5)) + "\u00a0" + w.days
	}
}

// about tells what an attack or an oddity is.
func (w words) about(name, sentence string) string {
	if said, ok := w.sentences[name]; ok {
		return said
	}
	return sentence
}

// lit names one of the guards in a legend.
func (w words) lit(which string) string {
	return map[string]string{"outside": w.Outside, "inside": w.Inside, "cap": w.ByCap, "rate": w.ByRate, "bare": w.Bare}[which]
}

func (w words) trade(name string) string {
	if said, ok := w.trades[name]; ok {
		return said
	}
	return name
}

var wordsIn = map[policy.Language]words{
	policy.French: {
		Group: "\u202f", Point: ",",
		Title:    "Poterne\u202f: attaques et journées honnêtes rejouées",
		Question: "Combien de personnes voit un compte volé\u202f?",
		Answer:   "Voici ce que les règles d’aujourd’hui laissent voir, et ce qu’elles coûtent au travail honnête. La même graine redonne la même page.",
		OfSeeds:  "graines", Agents: "agents", Days: "jours",
		Attacks:     "Les attaques",
		AttacksLead: "Personnes montrées, en médiane. L’échelle est logarithmique\u202f: chaque trait vertical compte dix fois plus de personnes que le précédent.",
		ChartTitle:  "Personnes montrées à chaque attaque, par Poterne et par d’autres protections",
		Attack:      "Attaque", Accounts: "Comptes", Outside: "Poterne, sans motif", Inside: "Poterne, expliquées", StoppedAt: "Ouverture refusée la première",
		P95: "95ᵉ centile", Never: "jamais", Opening: "nᵒ",
		Bare: "Sans protection", ByRate: "60 ouvertures par minute", ByCap: "100 personnes par jour",
		Oddities:     "Honnête, mais étrange",
		OdditiesLead: "Ouvertures arrêtées. Aucune n’avait de motif connu d’un autre système\u202f: c’est ce motif qu’il faut raccorder.",
		Oddity:       "Situation", Stopped: "Arrêtées", Of: "sur",
		Honest:     "Le travail ordinaire",
		HonestLead: "Ouvertures arrêtées pour 1\u202f000 journées d’agent. Les règles d’aujourd’hui ne gèlent personne\u202f: ce ne sont pas des gels injustifiés.",
		Trade:      "Métier", AgentDays: "Journées d’agent", Openings: "Ouvertures", Unexplained: "Sans motif", Per1000: "Poterne", All: "Ensemble",
		AgentsMet: "Agents concernés",
		Limits:    "Ce que cette page ne dit pas",
		LimitsList: []string{
			"Elle vaut pour une ville simulée, dont presque chaque chiffre est une hypothèse\u202f; ils tiennent en un seul fichier.",
			"Les personnes «\u202fexpliquées\u202f» le sont par un fait\u202f: le portefeuille du compte volé, ou un fait forgé par qui tient aussi le système qui le dit. Les règles d’aujourd’hui n’y peuvent rien.",
			"Tests séquentiels, cadence, leurres, gels automatiques et rapprochement des comptes n’existent pas encore.",
			"Un taux nul sur n journées ne prouve pas mieux que 3/n.",
		},
		Again:   "Pour rejouer",
		seconds: "s", minutes: "min", hours: "h", days: "j",
		trades: map[string]string{"adviser": "Conseil", "benefits": "Calcul des droits", "desk": "Accueil", "call-centre": "Centre d’appels", "training": "Formation"},
		sentences: map[string]string{
			"france-2024":             "Des sessions de conseillers d’un réseau partenaire lisent à elles toutes 1,3 million de personnes par jour, jour et nuit, pendant 28 jours.",
			"france-2024-slow":        "Les mêmes sessions\u202f; les voleurs ralentissent aux heures de bureau pour rester sous 100 personnes par jour, pendant que les titulaires travaillent.",
			"kairos-2025":             "Le compte d’un organisme de formation demande 340\u202f000 personnes par un chemin qui oublie de vérifier qui demande.",
			"missions-2025":           "Le compte d’un responsable crée deux comptes, qui lisent 1,6 million de personnes\u202f; le sien essaie aussi.",
			"flat-sweep":              "La session d’un conseiller lit des inconnus, 10 à 50 par seconde, toute une nuit.",
			"desk-sweep":              "De même avec la session d’un accueil, dont la franchise est plus large.",
			"office-sweep":            "Des inconnus aux heures de bureau, un toutes les deux secondes pendant 28 jours, pendant que le titulaire travaille.",
			"under-the-cap":           "Adaptatif\u202f: un compte de centre d’appels prend des inconnus juste sous 100 personnes par jour, et sous 60 par minute.",
			"drip":                    "Adaptatif\u202f: un à trois inconnus par jour pendant 28 jours, pendant que le titulaire travaille.",
			"rule-reader":             "Adaptatif\u202f: à la place d’un conseiller en congé, aussi vite que la franchise de l’heure se remplit, pendant 28 jours.",
			"patient-year":            "Adaptatif\u202f: de même pendant un an sans être remarqué, si bien que la franchise de 28 jours revient.",
			"caseload-sweep":          "Les 150 personnes du portefeuille d’un conseiller en une heure, une fois chacune.",
			"burst-army":              "300 comptes de conseillers à la fois, cinq inconnus chacun en dix minutes.",
			"paid-look-ups":           "Un conseiller vend des consultations\u202f: 5 à 15 personnes nommées par jour pendant 28 jours, au milieu du travail ordinaire.",
			"dormant":                 "Un compte de conseiller, inutilisé depuis des mois, lit dix inconnus par seconde tout un week-end.",
			"self-enrolment":          "Un compte de formation saisit lui-même l’inscription de 500 inconnus, puis les ouvre.",
			"two-hands-enrolment":     "Adaptatif\u202f: un second compte volé de la structure saisit les inscriptions, 120 par jour pendant 4 jours, et le premier les ouvre.",
			"strangers-between-calls": "Un compte de centre d’appels ouvre des inconnus pendant que de vrais appels d’autres personnes arrivent.",
			"forged-calls":            "Adaptatif\u202f: le voleur tient aussi la téléphonie et forge 80 appels par jour pendant 10 jours.",
			"training-fishing":        "Un compte de formation feuillette des personnes par ville et par âge hors de ses inscriptions, quatre par heure pendant 28 jours.",

			"transfer":             "Un collègue est parti\u202f; 150 personnes sont affectées dans la nuit et toutes ouvertes dans la journée.",
			"cover-of-two":         "Relais de deux collègues pendant trois semaines, déclaré par leur responsable, quinze de leurs personnes par jour.",
			"desk-duty":            "Une matinée à l’accueil après des semaines d’absence\u202f: 40 inconnus, chacun avec un ticket.",
			"job-fair":             "Un forum de l’emploi\u202f: 80 personnes se présentent à une tablette qui donne des tickets.",
			"appointment-campaign": "120 personnes de son portefeuille en deux heures.",
			"month-end":            "Quatre semaines d’accueil à 1,8 fois l’affluence ordinaire, y compris des personnes sans ticket.",
			"homonyms":             "Six homonymes ouverts en dix minutes pour trouver la bonne personne, qui a un ticket.",
			"new-joiner":           "La première semaine, douze dossiers de l’équipe lus par jour\u202f; aucun relais ne le dit.",
			"back-from-leave":      "Retour de huit mois de congé\u202f: 60 des personnes rendues sont ouvertes en un jour.",
			"after-six-years":      "Quelqu’un que l’on n’a pas vu depuis six ans se présente à l’accueil, avec un ticket.",
			"enrolment-day":        "Un organisme de formation ouvre 120 stagiaires le jour des inscriptions.",
			"fraud-queue":          "Une file de 400 dossiers avec une mission, qui arrive aujourd’hui comme une liste de personnes affectées, lue en deux jours.",
			"evening-workshop":     "Quinze personnes avec rendez-vous entre dix-neuf et vingt et une heures.",
			"call-back-storm":      "Après une panne, trois fois plus d’appels pendant deux heures.",
			"tickets-fall-silent":  "La machine à tickets est en panne une matinée\u202f: 20 personnes sont reçues sans ticket.",
			"emergency-shelter":    "Une nuit de gel, 30 inconnus sont mis à l’abri\u202f; aucun système ne les connaît.",
		},
	},
	policy.English: {
		Group: ",", Point: ".",
		Title:    "Poterne: attacks and honest days, replayed",
		Question: "How many people does a stolen account see?",
		Answer:   "This is what today’s rules let through, and what they cost honest work. The same seed gives the same page.",
		OfSeeds:  "seeds", Agents: "agents", Days: "days",
		Attacks:     "The attacks",
		AttacksLead: "People shown, in the median. The scale is logarithmic: each vertical line counts ten times as many people as the one before.",
		ChartTitle:  "People shown to each attack, by Poterne and by other guards",
		Attack:      "Attack", Accounts: "Accounts", Outside: "Poterne, no reason", Inside: "Poterne, explained", StoppedAt: "First opening refused",
		P95: "95th percentile", Never: "never", Opening: "no.",
		Bare: "No guard", ByRate: "60 openings a minute", ByCap: "100 people a day",
		Oddities:     "Honest, but odd",
		OdditiesLead: "Openings that were stopped. None had a reason that another system knew of: that is the reason to connect.",
		Oddity:       "Situation", Stopped: "Stopped", Of: "of",
		Honest:     "Ordinary work",
		HonestLead: "Openings stopped in 1,000 agent-days. Today’s rules freeze nobody: these are not false freezes.",
		Trade:      "Trade", AgentDays: "Agent-days", Openings: "Openings", Unexplained: "No reason", Per1000: "Poterne", All: "All",
		AgentsMet: "Agents met",
		Limits:    "What this page does not say",
		LimitsList: []string{
			"It holds for a simulated town, almost every figure of which is an assumption; they stand in a single file.",
			"“Explained” people are explained by a fact: the stolen account’s own caseload, or a fact forged by whoever also holds the system that tells it. Today’s rules can do nothing about that.",
			"Sequential tests, pace, canaries, automatic freezes and the pooling of accounts do not exist yet.",
			"A rate of zero over n days proves no more than 3/n.",
		},
		Again:   "To replay it",
		seconds: "s", minutes: "min", hours: "h", days: "d",
		trades: map[string]string{"adviser": "Advisers", "benefits": "Benefits", "desk": "Front desk", "call-centre": "Call centre", "training": "Training"},
	},
}

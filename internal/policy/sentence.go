package policy

import (
	"fmt"
	"strconv"
	"strings"

	"poterne/internal/meter"
	"poterne/internal/reason"
)

// Language is one of the two the program speaks.
type Language string

const (
	French  Language = "fr"
	English Language = "en"
)

// Sentence says a ruling to the agent: what was counted, the limit, and which
// reasons were missing. It names nobody.
func (r Ruling) Sentence(in Language) string {
	if in == English {
		return r.english()
	}
	return r.french()
}

func (r Ruling) french() string {
	const missing = "Ni portefeuille, ni rendez-vous, ni appel, ni ticket d’accueil, ni message, ni inscription, ni relais n’explique cette ouverture."
	switch r.Why {
	case Granted:
		return "Rien ne s’y oppose."
	case Explained:
		return "Consultation expliquée : " + reasonsFrench[r.Reason.Kind] + "."
	case AlreadySeen:
		return "Personne déjà consultée depuis moins de 28 jours : elle ne compte pas de nouveau."
	case Counted:
		return fmt.Sprintf("Consultation sans motif connu, comptée : %s sur %s cette heure-ci.", frenchPeople(r.Counted), inPeople(r.Limit, ","))
	case ShortEmpty:
		return fmt.Sprintf("Vous avez ouvert %s sans motif connu en une heure. La limite est de %s. %s", frenchPeople(r.Counted), inPeople(r.Limit, ","), missing)
	case LongEmpty:
		return fmt.Sprintf("Vous avez ouvert %s sans motif connu en 28 jours. La limite est de %s. %s", frenchPeople(r.Counted), inPeople(r.Limit, ","), missing)
	case Frozen:
		return "Les nouvelles ouvertures sans motif sont gelées pour ce compte. Votre portefeuille, vos rendez-vous et les personnes déjà vues restent ouverts. " + missing
	case NobodyKnown, NotThere:
		return "Ce dossier ne vous est pas ouvert, ou n’existe pas."
	case NotForPurpose:
		return "Rien de ce que contient cette réponse ne relève de la finalité de ce service."
	case NotHabilitated:
		return "Aucune habilitation en cours ne vous ouvre ce service. La personne qui gère les comptes de votre structure peut la demander."
	case RoleReadsNothing:
		return "Votre rôle ne permet d’ouvrir aucun dossier."
	case Suspended:
		return "L’accès de ce compte ou de sa structure est suspendu. Rien n’est perdu ; le poste de garde peut le rouvrir."
	case Closed:
		return "Ce service est fermé pour le moment, par mesure de sécurité."
	case NotDeclared:
		return "Cette page n’est pas déclarée : elle ne peut pas être ouverte à travers Poterne."
	case NotUnderstood:
		return "La réponse de l’application n’a pas pu être lue en entier. Par prudence, rien n’en a été transmis."
	default:
		return "Refusé."
	}
}

func (r Ruling) english() string {
	const missing = "No caseload, appointment, call, desk ticket, message, enrolment or cover explains this opening."
	switch r.Why {
	case Granted:
		return "Nothing stands against it."
	case Explained:
		return "Explained: " + reasonsEnglish[r.Reason.Kind] + "."
	case AlreadySeen:
		return "Already opened within 28 days: this person does not count again."
	case Counted:
		return fmt.Sprintf("No known reason, so it counts: %s of %s this hour.", englishPeople(r.Counted), inPeople(r.Limit, "."))
	case ShortEmpty:
		return fmt.Sprintf("You opened %s without a known reason within an hour. The limit is %s. %s", englishPeople(r.Counted), inPeople(r.Limit, "."), missing)
	case LongEmpty:
		return fmt.Sprintf("You opened %s without a known reason in 28 days. The limit is %s. %s", englishPeople(r.Counted), inPeople(r.Limit, "."), missing)
	case Frozen:
		return "New openings without a reason are frozen for this account. Your caseload, your appointments and people already seen stay open. " + missing
	case NobodyKnown, NotThere:
		return "This file is not open to you, or does not exist."
	case NotForPurpose:
		return "Nothing in this answer belongs to the purpose of this service."
	case NotHabilitated:
		return "No current habilitation opens this service to you. Whoever manages your organisation’s accounts can ask for one."
	case RoleReadsNothing:
		return "Your role does not open any file."
	case Suspended:
		return "Access is suspended for this account or its organisation. Nothing is lost; the security desk can reopen it."
	case Closed:
		return "This service is closed for now, as a security measure."
	case NotDeclared:
		return "This page is not declared, so it cannot be opened through Poterne."
	case NotUnderstood:
		return "The application’s answer could not be read whole. To be safe, none of it was passed on."
	default:
		return "Refused."
	}
}

var reasonsFrench = map[reason.Kind]string{
	reason.Caseload: "dans votre portefeuille", reason.Appointment: "rendez-vous", reason.Call: "appel reçu",
	reason.DeskTicket: "ticket d’accueil", reason.Message: "message ou document reçu",
	reason.Enrolment: "inscription dans votre structure", reason.Cover: "relais d’un collègue absent",
}

var reasonsEnglish = map[reason.Kind]string{
	reason.Caseload: "in your caseload", reason.Appointment: "appointment", reason.Call: "inbound call",
	reason.DeskTicket: "desk ticket", reason.Message: "message or document received",
	reason.Enrolment: "enrolled with your organisation", reason.Cover: "cover for an absent colleague",
}

func frenchPeople(c meter.Cost) string {
	if c < 2*meter.Whole {
		return inPeople(c, ",") + " personne"
	}
	return inPeople(c, ",") + " personnes"
}

func englishPeople(c meter.Cost) string {
	if c == meter.Whole {
		return "1 person"
	}
	return inPeople(c, ".") + " people"
}

// inPeople writes a cost in people, without needless decimals.
func inPeople(c meter.Cost, point string) string {
	text := strconv.FormatFloat(float64(c)/float64(meter.Whole), 'f', -1, 64)
	return strings.Replace(text, ".", point, 1)
}

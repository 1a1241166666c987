#include "msg/special_use.h"

#include <stdio.h>

#include "base/utf8.h"

static const struct {
	const char *attribute;
	unsigned use;
} attributes[] = {
	/* The first of each use is its name. */
	{ "\\All", USE_ALL },	      { "\\Archive", USE_ARCHIVE },	{ "\\Drafts", USE_DRAFTS },
	{ "\\Flagged", USE_FLAGGED }, { "\\Junk", USE_JUNK },		{ "\\Sent", USE_SENT },
	{ "\\Trash", USE_TRASH },     { "\\Important", USE_IMPORTANT }, { "\\AllMail", USE_ALL },
	{ "\\Starred", USE_FLAGGED }, { "\\Spam", USE_JUNK },
};

/* One name a line would be long: names of one use are kept in one string, with line ends between them. */
static const struct {
	unsigned use;
	const char *made; /* a new folder's name */
	const char *names;
} known[] = {
	{ USE_JUNK, "Junk",
	  "Junk\nSpam\nJunk Email\nJunk E-mail\nJunk Mail\nBulk\nBulk Mail\nSpam Mail\n"
	  "Junk-E-Mail\nSpamverdacht\nUnerwünscht\nUnerwünschte Werbung\nWerbung\n"
	  "Courrier indésirable\nIndésirables\nIndésirable\nPourriel\nPourriels\n"
	  "Correo no deseado\nCorreo basura\nNo deseado\nPosta indesiderata\nIndesiderata\n"
	  "Ongewenst\nOngewenste e-mail\nOngewenste mail\nReclame\nLixo eletrônico\nLixo eletrónico\nE-mail de Lixo\n"
	  "Skräppost\nSøppelpost\nUønsket\nUønsket e-post\nUønsket mail\nUønsket post\nRoskaposti\n"
	  "Wiadomości-śmieci\nWiadomości śmieci\nNiechciane\nNevyžádaná pošta\nNevyžiadaná pošta\nLevélszemét\n"
	  "Neželena pošta\nNeželjena pošta\nСпам\nНежелательная почта\nНебажана пошта\nΑνεπιθύμητα\n"
	  "Istenmeyen\nGereksiz\n迷惑メール\n垃圾邮件\n垃圾郵件\n스팸\n스팸 메일\n정크 메일" },
	{ USE_ARCHIVE, "Archive",
	  "Archive\nArchives\nArchived\nArchiv\nArchivo\nArchivos\nArchivados\nArchivio\nArchief\nArquivo\nArquivados\n"
	  "Arkiv\nArkiverat\nArkisto\nArchiwum\nArchív\nArchívum\nArhiv\nArhiva\nАрхив\nАрхів\nΑρχειοθήκη\nArşiv\n"
	  "アーカイブ\n存档\n归档\n封存\n보관함" },
	{ USE_SENT, "Sent",
	  "Sent\nSent Items\nSent Messages\nSent Mail\nGesendet\nGesendete Elemente\nGesendete Objekte\nGesendete "
	  "Nachrichten\nEnvoyés\nÉléments envoyés\nMessages envoyés\nCourrier envoyé\nEnviados\nElementos enviados\n"
	  "Correo enviado\nMensajes enviados\nPosta inviata\nInviata\nInviati\nElementi inviati\nVerzonden\n"
	  "Verzonden items\nVerzonden berichten\nItens enviados\nMensagens enviadas\nSkickat\nSkickade\n"
	  "Skickade objekt\nSendte elementer\nSendt\nSendt post\nSendt e-post\nLähetetyt\nWysłane\nElementy wysłane\n"
	  "Odeslané\nOdeslaná pošta\nOdoslané\nElküldött\nElküldött elemek\nPoslano\nPoslato\nОтправленные\n"
	  "Надіслані\nΑπεσταλμένα\nGönderilmiş Öğeler\n送信済み\n送信済みアイテム\n已发送\n已发送邮件\n寄件備份\n"
	  "보낸 편지함" },
	{ USE_DRAFTS, "Drafts",
	  "Drafts\nDraft\nEntwürfe\nEntwurf\nBrouillons\nBrouillon\nBorradores\nBorrador\nBozze\nConcepten\nRascunhos\n"
	  "Utkast\nKladder\nKladde\nUdkast\nLuonnokset\nKopie robocze\nWersje robocze\nSzkice\nKoncepty\nRozepsané\n"
	  "Piszkozatok\nOsnutki\nSkice\nЧерновики\nЧернетки\nΠρόχειρα\nTaslaklar\n下書き\n草稿\n草稿箱\n임시 보관함" },
	{ USE_TRASH, "Trash",
	  "Trash\nDeleted Items\nDeleted Messages\nDeleted\nBin\nPapierkorb\nGelöscht\nGelöschte Elemente\n"
	  "Gelöschte Objekte\nCorbeille\nÉléments supprimés\nMessages supprimés\nPapelera\nElementos eliminados\n"
	  "Eliminados\nCestino\nPosta eliminata\nEliminata\nPrullenbak\nVerwijderde items\nVerwijderd\nLixeira\nLixo\n"
	  "Itens excluídos\nItens eliminados\nPapperskorgen\nPapperskorg\nBorttaget\nSlettede elementer\nSlettet\n"
	  "Papirkurv\nRoskakori\nPoistetut\nKosz\nElementy usunięte\nKoš\nOdstraněná pošta\nKôš\nKuka\n"
	  "Törölt elemek\nSmeti\nOtpad\nКорзина\nУдаленные\nУдалённые\nКошик\nΚάδος\nÇöp Kutusu\nÇöp\nごみ箱\n"
	  "已删除邮件\n已删除\n垃圾桶\n휴지통" },
	{ USE_FLAGGED, NULL, "Starred\nFlagged\nMarkiert\nSuivis\nDestacados\nSpeciali\nMet ster\nCom estrela" },
	{ USE_ALL, NULL, "All Mail\nAlle Nachrichten\nTous les messages\nTodos\nTutti i messaggi\nAlle berichten" },
	{ USE_IMPORTANT, NULL, "Important\nWichtig\nImportantes\nImportanti\nBelangrijk" },
};

enum { ATTRIBUTES = sizeof attributes / sizeof attributes[0], KNOWN = sizeof known / sizeof known[0] };

unsigned special_use_of(struct slice attribute)
{
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (slice_eq_nocase(attribute, slice_str(attributes[i].attribute)))
			return attributes[i].use;
	return 0;
}

const char *special_use_name(unsigned use)
{
	for (size_t i = 0; i < ATTRIBUTES; i++)
		if (attributes[i].use == use)
			return attributes[i].attribute;
	return "";
}

void special_use_names(unsigned uses, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned use = 1; use < USE_ANY; use <<= 1)
		if ((uses & use) != 0 && n < size)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n > 0 ? " " : "", special_use_name(use));
}

unsigned special_use_guess(struct slice name)
{
	for (size_t i = 0; i < KNOWN; i++) {
		struct slice rest = slice_str(known[i].names);

		while (rest.n > 0) {
			size_t n = slice_find(rest, '\n');

			if (utf8_eq_nocase(slice_of(rest.p, n), name))
				return known[i].use;
			rest = slice_skip(rest, n < rest.n ? n + 1 : n);
		}
	}
	return 0;
}

unsigned special_use_guess_path(const char *name, size_t *depth)
{
	const char *last = name;

	*depth = 0;
	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '/') {
			last = c + 1;
			++*depth;
		}
	}
	return special_use_guess(slice_str(last));
}

const char *special_use_default(unsigned use)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (known[i].use == use)
			return known[i].made;
	return NULL;
}

bool special_use_split(struct slice folder, unsigned *use, struct slice *name)
{
	size_t n = slice_find(folder, ':');

	*name = SLICE_NONE;
	if (n < folder.n)
		*name = slice_skip(folder, n + 1);
	*use = special_use_of(slice_of(folder.p, n));
	return *use != 0;
}

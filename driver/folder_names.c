#include "folder_names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <uninorm.h>

#include "text.h"

/* What lies below the folder of synchronisation problems (conflicts, failures) is not listed: it goes
 * with its parent. */
const struct folder_name folder_names[] = {
    {"Sent Items", "en", ROLE_SENT, true},
    {"Gesendete Elemente", "de", ROLE_SENT, true},
    {"Éléments envoyés", "fr", ROLE_SENT, true},
    {"Elementos enviados", "es", ROLE_SENT, true},
    {"Posta inviata", "it", ROLE_SENT, true},
    {"Verzonden items", "nl", ROLE_SENT, true},
    {"Itens Enviados", "pt_BR", ROLE_SENT, true},
    {"Itens Enviados", "pt_PT", ROLE_SENT, true},
    {"Sendt post", "da", ROLE_SENT, true},
    {"Sendte elementer", "nb", ROLE_SENT, true},
    {"Skickat", "sv", ROLE_SENT, true},
    {"Lähetetyt", "fi", ROLE_SENT, true},
    {"Elementy wysłane", "pl", ROLE_SENT, true},
    {"Odeslaná pošta", "cs", ROLE_SENT, true},
    {"Odoslaná pošta", "sk", ROLE_SENT, true},
    {"Elküldött elemek", "hu", ROLE_SENT, true},
    {"Elemente trimise", "ro", ROLE_SENT, true},
    {"Изпратени елементи", "bg", ROLE_SENT, true},
    {"Poslane stavke", "hr", ROLE_SENT, true},
    {"Poslano", "sl", ROLE_SENT, true},
    {"Απεσταλμένα", "el", ROLE_SENT, true},
    {"Gönderilmiş Öğeler", "tr", ROLE_SENT, true},
    {"Отправленные", "ru", ROLE_SENT, true},
    {"Надіслані", "uk", ROLE_SENT, true},
    {"Saadetud üksused", "et", ROLE_SENT, true},
    {"Nosūtītie vienumi", "lv", ROLE_SENT, true},
    {"Išsiųsta", "lt", ROLE_SENT, true},
    {"Elements enviats", "ca", ROLE_SENT, true},
    {"送信済みアイテム", "ja", ROLE_SENT, true},
    {"보낸 편지함", "ko", ROLE_SENT, true},
    {"已发送邮件", "zh_CN", ROLE_SENT, true},
    {"寄件備份", "zh_TW", ROLE_SENT, true},
    {"العناصر المرسلة", "ar_SA", ROLE_SENT, true},
    {"פריטים שנשלחו", "he", ROLE_SENT, true},
    {"Gesendete Objekte", "de", ROLE_SENT, true},
    {"Sent", "", ROLE_SENT, false},
    {"Sent Messages", "", ROLE_SENT, false},
    {"Sent Mail", "", ROLE_SENT, false},
    {"Deleted Items", "en", ROLE_TRASH, true},
    {"Gelöschte Elemente", "de", ROLE_TRASH, true},
    {"Éléments supprimés", "fr", ROLE_TRASH, true},
    {"Elementos eliminados", "es", ROLE_TRASH, true},
    {"Posta eliminata", "it", ROLE_TRASH, true},
    {"Verwijderde items", "nl", ROLE_TRASH, true},
    {"Itens Excluídos", "pt_BR", ROLE_TRASH, true},
    {"Itens Eliminados", "pt_PT", ROLE_TRASH, true},
    {"Slettet post", "da", ROLE_TRASH, true},
    {"Slettede elementer", "nb", ROLE_TRASH, true},
    {"Borttagna objekt", "sv", ROLE_TRASH, true},
    {"Poistetut", "fi", ROLE_TRASH, true},
    {"Elementy usunięte", "pl", ROLE_TRASH, true},
    {"Odstraněná pošta", "cs", ROLE_TRASH, true},
    {"Odstránené položky", "sk", ROLE_TRASH, true},
    {"Törölt elemek", "hu", ROLE_TRASH, true},
    {"Elemente şterse", "ro", ROLE_TRASH, true},
    {"Изтрити елементи", "bg", ROLE_TRASH, true},
    {"Izbrisane stavke", "hr", ROLE_TRASH, true},
    {"Izbrisano", "sl", ROLE_TRASH, true},
    {"Διαγραμμένα", "el", ROLE_TRASH, true},
    {"Silinmiş Öğeler", "tr", ROLE_TRASH, true},
    {"Удаленные", "ru", ROLE_TRASH, true},
    {"Видалені", "uk", ROLE_TRASH, true},
    {"Kustutatud üksused", "et", ROLE_TRASH, true},
    {"Izdzēstie vienumi", "lv", ROLE_TRASH, true},
    {"Panaikinta", "lt", ROLE_TRASH, true},
    {"Elements suprimits", "ca", ROLE_TRASH, true},
    {"削除済みアイテム", "ja", ROLE_TRASH, true},
    {"지운 편지함", "ko", ROLE_TRASH, true},
    {"已删除邮件", "zh_CN", ROLE_TRASH, true},
    {"刪除的郵件", "zh_TW", ROLE_TRASH, true},
    {"العناصر المحذوفة", "ar_SA", ROLE_TRASH, true},
    {"פריטים שנמחקו", "he", ROLE_TRASH, true},
    {"Gelöschte Objekte", "de", ROLE_TRASH, true},
    {"Geloschte Objekte", "de", ROLE_TRASH, true},
    {"Borttaget", "sv", ROLE_TRASH, true},
    {"Trash", "", ROLE_TRASH, false},
    {"Deleted Messages", "", ROLE_TRASH, false},
    {"Drafts", "en", ROLE_DRAFTS, true},
    {"Entwürfe", "de", ROLE_DRAFTS, true},
    {"Brouillons", "fr", ROLE_DRAFTS, true},
    {"Borradores", "es", ROLE_DRAFTS, true},
    {"Bozze", "it", ROLE_DRAFTS, true},
    {"Concepten", "nl", ROLE_DRAFTS, true},
    {"Rascunhos", "pt_BR", ROLE_DRAFTS, true},
    {"Rascunhos", "pt_PT", ROLE_DRAFTS, true},
    {"Kladder", "da", ROLE_DRAFTS, true},
    {"Kladd", "nb", ROLE_DRAFTS, true},
    {"Utkast", "sv", ROLE_DRAFTS, true},
    {"Luonnokset", "fi", ROLE_DRAFTS, true},
    {"Wersje robocze", "pl", ROLE_DRAFTS, true},
    {"Koncepty", "cs", ROLE_DRAFTS, true},
    {"Koncepty", "sk", ROLE_DRAFTS, true},
    {"Piszkozatok", "hu", ROLE_DRAFTS, true},
    {"Schiţe", "ro", ROLE_DRAFTS, true},
    {"Чернови", "bg", ROLE_DRAFTS, true},
    {"Skice", "hr", ROLE_DRAFTS, true},
    {"Osnutki", "sl", ROLE_DRAFTS, true},
    {"Πρόχειρα", "el", ROLE_DRAFTS, true},
    {"Taslaklar", "tr", ROLE_DRAFTS, true},
    {"Черновики", "ru", ROLE_DRAFTS, true},
    {"Чернетки", "uk", ROLE_DRAFTS, true},
    {"Mustandid", "et", ROLE_DRAFTS, true},
    {"Melnraksti", "lv", ROLE_DRAFTS, true},
    {"Juodraščiai", "lt", ROLE_DRAFTS, true},
    {"Esborranys", "ca", ROLE_DRAFTS, true},
    {"下書き", "ja", ROLE_DRAFTS, true},
    {"임시 보관함", "ko", ROLE_DRAFTS, true},
    {"草稿", "zh_CN", ROLE_DRAFTS, true},
    {"草稿", "zh_TW", ROLE_DRAFTS, true},
    {"المسودات", "ar_SA", ROLE_DRAFTS, true},
    {"טיוטות", "he", ROLE_DRAFTS, true},
    {"Junk Email", "en", ROLE_JUNK, true},
    {"Junk-E-Mail", "de", ROLE_JUNK, true},
    {"Courrier indésirable", "fr", ROLE_JUNK, true},
    {"Correo no deseado", "es", ROLE_JUNK, true},
    {"Posta indesiderata", "it", ROLE_JUNK, true},
    {"Ongewenste e-mail", "nl", ROLE_JUNK, true},
    {"Lixo Eletrônico", "pt_BR", ROLE_JUNK, true},
    {"E-mail de Lixo", "pt_PT", ROLE_JUNK, true},
    {"Uønsket mail", "da", ROLE_JUNK, true},
    {"Søppelpost", "nb", ROLE_JUNK, true},
    {"Skräppost", "sv", ROLE_JUNK, true},
    {"Roskaposti", "fi", ROLE_JUNK, true},
    {"Wiadomości-śmieci", "pl", ROLE_JUNK, true},
    {"Nevyžádaná pošta", "cs", ROLE_JUNK, true},
    {"Nevyžiadaná pošta", "sk", ROLE_JUNK, true},
    {"Levélszemét", "hu", ROLE_JUNK, true},
    {"E-mail nedorit", "ro", ROLE_JUNK, true},
    {"Нежелана поща", "bg", ROLE_JUNK, true},
    {"Bezvrijedna e-pošta", "hr", ROLE_JUNK, true},
    {"Neželena e-pošta", "sl", ROLE_JUNK, true},
    {"Ανεπιθύμητα email", "el", ROLE_JUNK, true},
    {"Gereksiz E-posta", "tr", ROLE_JUNK, true},
    {"Нежелательная почта", "ru", ROLE_JUNK, true},
    {"Небажана пошта", "uk", ROLE_JUNK, true},
    {"Rämpspost", "et", ROLE_JUNK, true},
    {"Nevēlamais e-pasts", "lv", ROLE_JUNK, true},
    {"Nepageidaujamas el. paštas", "lt", ROLE_JUNK, true},
    {"Correu brossa", "ca", ROLE_JUNK, true},
    {"迷惑メール", "ja", ROLE_JUNK, true},
    {"정크 메일", "ko", ROLE_JUNK, true},
    {"垃圾邮件", "zh_CN", ROLE_JUNK, true},
    {"垃圾郵件", "zh_TW", ROLE_JUNK, true},
    {"بريد إلكتروني غير هام", "ar_SA", ROLE_JUNK, true},
    {"דואר זבל", "he", ROLE_JUNK, true},
    {"Junk E-mail", "en", ROLE_JUNK, true},
    {"Junk-E-mail", "da", ROLE_JUNK, true},
    {"Junk", "", ROLE_JUNK, false},
    {"Spam", "", ROLE_JUNK, false},
    {"Junk Mail", "", ROLE_JUNK, false},
    {"Archive", "en", ROLE_ARCHIVE, true},
    {"Archiv", "de", ROLE_ARCHIVE, true},
    {"Archive", "fr", ROLE_ARCHIVE, true},
    {"Archivo", "es", ROLE_ARCHIVE, true},
    {"Archivio", "it", ROLE_ARCHIVE, true},
    {"Arquivo Morto", "pt_BR", ROLE_ARCHIVE, true},
    {"Архив", "ru", ROLE_ARCHIVE, true},
    {"アーカイブ", "ja", ROLE_ARCHIVE, true},
    {"보관", "ko", ROLE_ARCHIVE, true},
    {"存档", "zh_CN", ROLE_ARCHIVE, true},
    {"封存", "zh_TW", ROLE_ARCHIVE, true},
    {"Archives", "", ROLE_ARCHIVE, false},
    {"Outbox", "en", ROLE_OUTBOX, true},
    {"Postausgang", "de", ROLE_OUTBOX, true},
    {"Boîte d'envoi", "fr", ROLE_OUTBOX, true},
    {"Bandeja de salida", "es", ROLE_OUTBOX, true},
    {"Posta in uscita", "it", ROLE_OUTBOX, true},
    {"Postvak UIT", "nl", ROLE_OUTBOX, true},
    {"Caixa de Saída", "pt_BR", ROLE_OUTBOX, true},
    {"A Enviar", "pt_PT", ROLE_OUTBOX, true},
    {"Udbakke", "da", ROLE_OUTBOX, true},
    {"Utboks", "nb", ROLE_OUTBOX, true},
    {"Utkorg", "sv", ROLE_OUTBOX, true},
    {"Lähtevät", "fi", ROLE_OUTBOX, true},
    {"Skrzynka nadawcza", "pl", ROLE_OUTBOX, true},
    {"Odchozí pošta", "cs", ROLE_OUTBOX, true},
    {"Pošta na odoslanie", "sk", ROLE_OUTBOX, true},
    {"Kimenő levelek", "hu", ROLE_OUTBOX, true},
    {"Outbox", "ro", ROLE_OUTBOX, true},
    {"Изходящи", "bg", ROLE_OUTBOX, true},
    {"Poslana pošta", "hr", ROLE_OUTBOX, true},
    {"Odpošlji", "sl", ROLE_OUTBOX, true},
    {"Εξερχόμενα", "el", ROLE_OUTBOX, true},
    {"Giden Kutusu", "tr", ROLE_OUTBOX, true},
    {"Исходящие", "ru", ROLE_OUTBOX, true},
    {"Вихідні", "uk", ROLE_OUTBOX, true},
    {"Väljundkaust", "et", ROLE_OUTBOX, true},
    {"Izsūtne", "lv", ROLE_OUTBOX, true},
    {"Siunčiama", "lt", ROLE_OUTBOX, true},
    {"Safata de sortida", "ca", ROLE_OUTBOX, true},
    {"送信トレイ", "ja", ROLE_OUTBOX, true},
    {"보낼 편지함", "ko", ROLE_OUTBOX, true},
    {"发件箱", "zh_CN", ROLE_OUTBOX, true},
    {"寄件匣", "zh_TW", ROLE_OUTBOX, true},
    {"علبة الصادر", "ar_SA", ROLE_OUTBOX, true},
    {"תיבת דואר יוצא", "he", ROLE_OUTBOX, true},
    {"Utkorgen", "sv", ROLE_OUTBOX, true},
    {"Calendar", "en", ROLE_CALENDAR, true},
    {"Kalender", "de", ROLE_CALENDAR, true},
    {"Calendrier", "fr", ROLE_CALENDAR, true},
    {"Calendario", "es", ROLE_CALENDAR, true},
    {"Calendario", "it", ROLE_CALENDAR, true},
    {"Agenda", "nl", ROLE_CALENDAR, true},
    {"Calendário", "pt_BR", ROLE_CALENDAR, true},
    {"Calendário", "pt_PT", ROLE_CALENDAR, true},
    {"Kalender", "da", ROLE_CALENDAR, true},
    {"Kalender", "nb", ROLE_CALENDAR, true},
    {"Kalender", "sv", ROLE_CALENDAR, true},
    {"Kalenteri", "fi", ROLE_CALENDAR, true},
    {"Kalendarz", "pl", ROLE_CALENDAR, true},
    {"Kalendář", "cs", ROLE_CALENDAR, true},
    {"Kalendár", "sk", ROLE_CALENDAR, true},
    {"Naptár", "hu", ROLE_CALENDAR, true},
    {"Calendar", "ro", ROLE_CALENDAR, true},
    {"Календар", "bg", ROLE_CALENDAR, true},
    {"Kalendar", "hr", ROLE_CALENDAR, true},
    {"Koledar", "sl", ROLE_CALENDAR, true},
    {"Ημερολόγιο", "el", ROLE_CALENDAR, true},
    {"Takvim", "tr", ROLE_CALENDAR, true},
    {"Календарь", "ru", ROLE_CALENDAR, true},
    {"Календар", "uk", ROLE_CALENDAR, true},
    {"Kalender", "et", ROLE_CALENDAR, true},
    {"Kalendārs", "lv", ROLE_CALENDAR, true},
    {"Kalendorius", "lt", ROLE_CALENDAR, true},
    {"Calendari", "ca", ROLE_CALENDAR, true},
    {"予定表", "ja", ROLE_CALENDAR, true},
    {"일정", "ko", ROLE_CALENDAR, true},
    {"日历", "zh_CN", ROLE_CALENDAR, true},
    {"行事曆", "zh_TW", ROLE_CALENDAR, true},
    {"التقويم", "ar_SA", ROLE_CALENDAR, true},
    {"לוח שנה", "he", ROLE_CALENDAR, true},
    {"Kalender", "nl", ROLE_CALENDAR, true},
    {"Contacts", "en", ROLE_CONTACTS, true},
    {"Kontakte", "de", ROLE_CONTACTS, true},
    {"Contacts", "fr", ROLE_CONTACTS, true},
    {"Contactos", "es", ROLE_CONTACTS, true},
    {"Contatti", "it", ROLE_CONTACTS, true},
    {"Contactpersonen", "nl", ROLE_CONTACTS, true},
    {"Contatos", "pt_BR", ROLE_CONTACTS, true},
    {"Contactos", "pt_PT", ROLE_CONTACTS, true},
    {"Kontakter", "da", ROLE_CONTACTS, true},
    {"Kontakter", "nb", ROLE_CONTACTS, true},
    {"Kontakter", "sv", ROLE_CONTACTS, true},
    {"Yhteystiedot", "fi", ROLE_CONTACTS, true},
    {"Kontakty", "pl", ROLE_CONTACTS, true},
    {"Kontakty", "cs", ROLE_CONTACTS, true},
    {"Kontakty", "sk", ROLE_CONTACTS, true},
    {"Névjegyek", "hu", ROLE_CONTACTS, true},
    {"Contacte", "ro", ROLE_CONTACTS, true},
    {"Контакти", "bg", ROLE_CONTACTS, true},
    {"Kontakti", "hr", ROLE_CONTACTS, true},
    {"Stiki", "sl", ROLE_CONTACTS, true},
    {"Επαφές", "el", ROLE_CONTACTS, true},
    {"Kişiler", "tr", ROLE_CONTACTS, true},
    {"Контакты", "ru", ROLE_CONTACTS, true},
    {"Контакти", "uk", ROLE_CONTACTS, true},
    {"Kontaktid", "et", ROLE_CONTACTS, true},
    {"Kontaktpersonas", "lv", ROLE_CONTACTS, true},
    {"Kontaktai", "lt", ROLE_CONTACTS, true},
    {"Contactes", "ca", ROLE_CONTACTS, true},
    {"連絡先", "ja", ROLE_CONTACTS, true},
    {"연락처", "ko", ROLE_CONTACTS, true},
    {"联系人", "zh_CN", ROLE_CONTACTS, true},
    {"連絡人", "zh_TW", ROLE_CONTACTS, true},
    {"جهات الاتصال", "ar_SA", ROLE_CONTACTS, true},
    {"אנשי קשר", "he", ROLE_CONTACTS, true},
    {"Tasks", "en", ROLE_TASKS, true},
    {"Aufgaben", "de", ROLE_TASKS, true},
    {"Tâches", "fr", ROLE_TASKS, true},
    {"Tareas", "es", ROLE_TASKS, true},
    {"Attività", "it", ROLE_TASKS, true},
    {"Taken", "nl", ROLE_TASKS, true},
    {"Tarefas", "pt_BR", ROLE_TASKS, true},
    {"Tarefas", "pt_PT", ROLE_TASKS, true},
    {"Opgaver", "da", ROLE_TASKS, true},
    {"Oppgaver", "nb", ROLE_TASKS, true},
    {"Uppgifter", "sv", ROLE_TASKS, true},
    {"Tehtävät", "fi", ROLE_TASKS, true},
    {"Zadania", "pl", ROLE_TASKS, true},
    {"Úlohy", "cs", ROLE_TASKS, true},
    {"Úlohy", "sk", ROLE_TASKS, true},
    {"Feladatok", "hu", ROLE_TASKS, true},
    {"Activităţi", "ro", ROLE_TASKS, true},
    {"Задачи", "bg", ROLE_TASKS, true},
    {"Zadaci", "hr", ROLE_TASKS, true},
    {"Opravila", "sl", ROLE_TASKS, true},
    {"Εργασίες", "el", ROLE_TASKS, true},
    {"Görevler", "tr", ROLE_TASKS, true},
    {"Задачи", "ru", ROLE_TASKS, true},
    {"Завдання", "uk", ROLE_TASKS, true},
    {"Ülesanded", "et", ROLE_TASKS, true},
    {"Uzdevumi", "lv", ROLE_TASKS, true},
    {"Užduotys", "lt", ROLE_TASKS, true},
    {"Tasques", "ca", ROLE_TASKS, true},
    {"タスク", "ja", ROLE_TASKS, true},
    {"작업", "ko", ROLE_TASKS, true},
    {"任务", "zh_CN", ROLE_TASKS, true},
    {"工作", "zh_TW", ROLE_TASKS, true},
    {"المهام", "ar_SA", ROLE_TASKS, true},
    {"משימות", "he", ROLE_TASKS, true},
    {"Notes", "en", ROLE_NOTES, true},
    {"Notizen", "de", ROLE_NOTES, true},
    {"Notes", "fr", ROLE_NOTES, true},
    {"Notas", "es", ROLE_NOTES, true},
    {"Note", "it", ROLE_NOTES, true},
    {"Notities", "nl", ROLE_NOTES, true},
    {"Anotações", "pt_BR", ROLE_NOTES, true},
    {"Notas", "pt_PT", ROLE_NOTES, true},
    {"Noter", "da", ROLE_NOTES, true},
    {"Notater", "nb", ROLE_NOTES, true},
    {"Anteckningar", "sv", ROLE_NOTES, true},
    {"Huomautukset", "fi", ROLE_NOTES, true},
    {"Notatki", "pl", ROLE_NOTES, true},
    {"Poznámky", "cs", ROLE_NOTES, true},
    {"Poznámky", "sk", ROLE_NOTES, true},
    {"Feljegyzések", "hu", ROLE_NOTES, true},
    {"Note", "ro", ROLE_NOTES, true},
    {"Бележки", "bg", ROLE_NOTES, true},
    {"Bilješke", "hr", ROLE_NOTES, true},
    {"Opombe", "sl", ROLE_NOTES, true},
    {"Σημειώσεις", "el", ROLE_NOTES, true},
    {"Notlar", "tr", ROLE_NOTES, true},
    {"Заметки", "ru", ROLE_NOTES, true},
    {"Нотатки", "uk", ROLE_NOTES, true},
    {"Märkused", "et", ROLE_NOTES, true},
    {"Piezīmes", "lv", ROLE_NOTES, true},
    {"Pastabos", "lt", ROLE_NOTES, true},
    {"Notes", "ca", ROLE_NOTES, true},
    {"メモ", "ja", ROLE_NOTES, true},
    {"메모", "ko", ROLE_NOTES, true},
    {"便笺", "zh_CN", ROLE_NOTES, true},
    {"記事", "zh_TW", ROLE_NOTES, true},
    {"الملاحظات", "ar_SA", ROLE_NOTES, true},
    {"הערות", "he", ROLE_NOTES, true},
    {"Journal", "en", ROLE_JOURNAL, true},
    {"Journal", "de", ROLE_JOURNAL, true},
    {"Journal", "fr", ROLE_JOURNAL, true},
    {"Diario", "es", ROLE_JOURNAL, true},
    {"Journal", "it", ROLE_JOURNAL, true},
    {"Logboek", "nl", ROLE_JOURNAL, true},
    {"Journal", "pt_BR", ROLE_JOURNAL, true},
    {"Diário", "pt_PT", ROLE_JOURNAL, true},
    {"Journal", "da", ROLE_JOURNAL, true},
    {"Journal", "nb", ROLE_JOURNAL, true},
    {"Journal", "sv", ROLE_JOURNAL, true},
    {"Loki", "fi", ROLE_JOURNAL, true},
    {"Dziennik", "pl", ROLE_JOURNAL, true},
    {"Deník", "cs", ROLE_JOURNAL, true},
    {"Denník", "sk", ROLE_JOURNAL, true},
    {"Napló", "hu", ROLE_JOURNAL, true},
    {"Jurnal", "ro", ROLE_JOURNAL, true},
    {"Дневник", "bg", ROLE_JOURNAL, true},
    {"Dnevnik", "hr", ROLE_JOURNAL, true},
    {"Dnevnik", "sl", ROLE_JOURNAL, true},
    {"Χρονικό", "el", ROLE_JOURNAL, true},
    {"Günlük", "tr", ROLE_JOURNAL, true},
    {"Журнал", "ru", ROLE_JOURNAL, true},
    {"Журнал", "uk", ROLE_JOURNAL, true},
    {"Päevik", "et", ROLE_JOURNAL, true},
    {"Žurnāls", "lv", ROLE_JOURNAL, true},
    {"Žurnalas", "lt", ROLE_JOURNAL, true},
    {"Diari", "ca", ROLE_JOURNAL, true},
    {"ジャーナル", "ja", ROLE_JOURNAL, true},
    {"업무 일지", "ko", ROLE_JOURNAL, true},
    {"日记", "zh_CN", ROLE_JOURNAL, true},
    {"日誌", "zh_TW", ROLE_JOURNAL, true},
    {"دفتر يومية", "ar_SA", ROLE_JOURNAL, true},
    {"יומן", "he", ROLE_JOURNAL, true},
    {"Journaal", "nl", ROLE_JOURNAL, true},
    {"Diario", "it", ROLE_JOURNAL, true},
    {"Дневник", "ru", ROLE_JOURNAL, true},
    {"Logg", "nb", ROLE_JOURNAL, true},
    {"Sync Issues", "en", ROLE_SYNC_ISSUES, true},
    {"Synchronisierungsprobleme", "de", ROLE_SYNC_ISSUES, true},
    {"Problèmes de synchronisation", "fr", ROLE_SYNC_ISSUES, true},
    {"Problemas de sincronización", "es", ROLE_SYNC_ISSUES, true},
    {"Problemi di sincronizzazione", "it", ROLE_SYNC_ISSUES, true},
    {"Synchronisatieproblemen", "nl", ROLE_SYNC_ISSUES, true},
    {"Problemas de Sincronização", "pt_BR", ROLE_SYNC_ISSUES, true},
    {"Problemas de Sincronização", "pt_PT", ROLE_SYNC_ISSUES, true},
    {"Synkroniseringsproblemer", "da", ROLE_SYNC_ISSUES, true},
    {"Synkroniseringsproblemer", "nb", ROLE_SYNC_ISSUES, true},
    {"Synkroniseringsproblem", "sv", ROLE_SYNC_ISSUES, true},
    {"Synkronointiongelmat", "fi", ROLE_SYNC_ISSUES, true},
    {"Problemy z synchronizacją", "pl", ROLE_SYNC_ISSUES, true},
    {"Problémy se synchronizací", "cs", ROLE_SYNC_ISSUES, true},
    {"Chyby synchronizácie", "sk", ROLE_SYNC_ISSUES, true},
    {"Szinkronizációs problémák", "hu", ROLE_SYNC_ISSUES, true},
    {"Probleme de sincronizare", "ro", ROLE_SYNC_ISSUES, true},
    {"Проблеми при синхронизиране", "bg", ROLE_SYNC_ISSUES, true},
    {"Problemi sa sinkronizacijom", "hr", ROLE_SYNC_ISSUES, true},
    {"Težave s sinhronizacijo", "sl", ROLE_SYNC_ISSUES, true},
    {"Θέματα συγχρονισμού", "el", ROLE_SYNC_ISSUES, true},
    {"Eşitleme Sorunları", "tr", ROLE_SYNC_ISSUES, true},
    {"Ошибки синхронизации", "ru", ROLE_SYNC_ISSUES, true},
    {"Помилки синхронізації", "uk", ROLE_SYNC_ISSUES, true},
    {"Sünkroonimisprobleemid", "et", ROLE_SYNC_ISSUES, true},
    {"Sinhronizācijas problēmas", "lv", ROLE_SYNC_ISSUES, true},
    {"Sinchronizavimo problemos", "lt", ROLE_SYNC_ISSUES, true},
    {"Problemes de sincronització", "ca", ROLE_SYNC_ISSUES, true},
    {"同期の問題", "ja", ROLE_SYNC_ISSUES, true},
    {"동기화 문제", "ko", ROLE_SYNC_ISSUES, true},
    {"同步问题", "zh_CN", ROLE_SYNC_ISSUES, true},
    {"同步問題", "zh_TW", ROLE_SYNC_ISSUES, true},
    {"مشاكل في المزامنة", "ar_SA", ROLE_SYNC_ISSUES, true},
    {"בעיות סינכרון", "he", ROLE_SYNC_ISSUES, true},
    {"Conversation History", "en", ROLE_CONVERSATIONS, true},
    {"Unterhaltungsverlauf", "de", ROLE_CONVERSATIONS, true},
    {"Historique des conversations", "fr", ROLE_CONVERSATIONS, true},
    {"Historial de conversaciones", "es", ROLE_CONVERSATIONS, true},
    {"Cronologia conversazione", "it", ROLE_CONVERSATIONS, true},
    {"Histórico de Conversa", "pt_BR", ROLE_CONVERSATIONS, true},
    {"会話の履歴", "ja", ROLE_CONVERSATIONS, true},
    {"会话历史", "zh_CN", ROLE_CONVERSATIONS, true},
    {"交談歷程記錄", "zh_TW", ROLE_CONVERSATIONS, true},
    {"RSS Feeds", "en", ROLE_FEEDS, true},
    {"RSS Subscriptions", "en", ROLE_FEEDS, true},
    {"Files", "en", ROLE_HIDDEN, true},
    {"Yammer Root", "en", ROLE_HIDDEN, true},
    {"Quick Step Settings", "en", ROLE_HIDDEN, true},
    {"Conversation Action Settings", "en", ROLE_HIDDEN, true},
    {"Suggested Contacts", "en", ROLE_HIDDEN, true},
    {"Quick Contacts", "en", ROLE_HIDDEN, true},
    {"News Feed", "en", ROLE_HIDDEN, true},
    {"Working Set", "en", ROLE_HIDDEN, true},
    {"Detected Items", "en", ROLE_HIDDEN, true},
    {"Snoozed", "en", ROLE_HIDDEN, true},
    {"Scheduled", "en", ROLE_HIDDEN, true},
    {"Social Activity Notifications", "en", ROLE_HIDDEN, true},
    {"ExternalContacts", "en", ROLE_HIDDEN, true},
    {"PersonMetadata", "en", ROLE_HIDDEN, true},
    {"EventCheckPoints", "en", ROLE_HIDDEN, true},
};

const size_t folder_names_count = sizeof(folder_names) / sizeof(*folder_names);

static const struct {
	const char *word, *text;
} roles[ROLE_COUNT] = {
    [ROLE_NONE] = {"", "a folder"},
    [ROLE_SENT] = {"Sent", "sent mail"},
    [ROLE_TRASH] = {"Trash", "deleted mail"},
    [ROLE_DRAFTS] = {"Drafts", "drafts"},
    [ROLE_JUNK] = {"Junk", "junk mail"},
    [ROLE_ARCHIVE] = {"Archive", "the archive"},
    [ROLE_OUTBOX] = {"Outbox", "the outbox"},
    [ROLE_CALENDAR] = {"Calendar", "the calendar"},
    [ROLE_CONTACTS] = {"Contacts", "contacts"},
    [ROLE_TASKS] = {"Tasks", "tasks"},
    [ROLE_NOTES] = {"Notes", "notes"},
    [ROLE_JOURNAL] = {"Journal", "the journal"},
    [ROLE_SYNC_ISSUES] = {"SyncIssues", "Outlook's synchronisation log"},
    [ROLE_CONVERSATIONS] = {"Conversations", "the history of conversations"},
    [ROLE_FEEDS] = {"Feeds", "RSS feeds"},
    [ROLE_HIDDEN] = {"Hidden", "a folder that Exchange keeps for itself"},
};

const char *folder_role_word(enum folder_role role)
{
	return role < ROLE_COUNT ? roles[role].word : "";
}

const char *folder_role_text(enum folder_role role)
{
	return role < ROLE_COUNT ? roles[role].text : "";
}

enum folder_role folder_role_parse(const char *word)
{
	int i;

	for (i = ROLE_NONE + 1; i < ROLE_COUNT; i++)
		if (!strcmp(roles[i].word, word))
			return (enum folder_role)i;
	return ROLE_NONE;
}

int folder_fold(struct buf *out, const char *s)
{
	size_t n = 0;
	uint8_t *folded = u8_casefold((const uint8_t *)s, strlen(s), NULL, UNINORM_NFC, NULL, &n);

	if (!folded && *s)
		return -1;
	buf_add(out, folded, n);
	free(folded);
	return out->failed ? -1 : 0;
}

/* Romanian is written with a cedilla (U+015F, U+0163) as often as with a comma below (U+0219, U+021B). */
static void one_romanian(char *s)
{
	for (; (s = strchr(s, '\xc5')); s += 2) {
		if (s[1] == '\x9f')
			memcpy(s, "\xc8\x99", 2);
		else if (s[1] == '\xa3')
			memcpy(s, "\xc8\x9b", 2);
	}
}

/* The table by folded name. Made at the first use and kept. */
struct key {
	char *folded;
	const struct folder_name *name;
};

static struct key *keys;

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int d = strcmp(x->folded, y->folded);

	return d ? d : x->name < y->name ? -1 : x->name > y->name;
}

/* Malloc'ed; NULL without memory, for a string that is not UTF-8 and for one that is too long to be in the
 * table. */
static char *fold_key(const char *s)
{
	struct buf b = BUF_INIT(512);

	if (!text_is_utf8(s, strlen(s)) || folder_fold(&b, s) || !b.p) {
		buf_clear(&b);
		return NULL;
	}
	one_romanian(b.p);
	return b.p;
}

static int make_keys(void)
{
	struct key *made = calloc(folder_names_count, sizeof(*made));
	size_t i;

	if (!made)
		return -1;
	for (i = 0; i < folder_names_count; i++) {
		made[i].name = &folder_names[i];
		made[i].folded = fold_key(folder_names[i].name);
		if (!made[i].folded)
			goto fail;
	}
	qsort(made, folder_names_count, sizeof(*made), compare_keys);
	keys = made;
	return 0;

fail:
	while (i--)
		free(made[i].folded);
	free(made);
	return -1;
}

size_t folder_names_find(const char *component, const struct folder_name **found, size_t max)
{
	char *folded = keys || !make_keys() ? fold_key(component) : NULL;
	size_t low = 0, high = folder_names_count, middle, n = 0;

	if (!folded)
		return 0;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (strcmp(keys[middle].folded, folded) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < folder_names_count && n < max && !strcmp(keys[low].folded, folded); low++)
		found[n++] = keys[low].name;
	free(folded);
	return n;
}

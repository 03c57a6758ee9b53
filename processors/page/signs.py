"""Signs that a page is not what was asked for: words, marks in the source, ends of redirects.

Each pattern is linear in what it looks at. The words are those of the languages of most sites.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final


@dataclass(frozen=True)
class Sign:
    """What counts so many points for its flag where it is found."""

    where: (
        str  # title, line (a whole one), text, source, path (after a redirect)
    )
    points: int
    pattern: re.Pattern[str]
    # One of these is in whatever the pattern matches: to look for a text is a hundred times faster.
    parts: tuple[str, ...] = ("",)
    share: float = (
        0.0  # of the line, or of a part of the title, that it must fill
    )

    @cached_property
    def ascii_parts(self) -> tuple[str, ...]:
        """Those that a text of ASCII alone may have."""
        return tuple(filter(str.isascii, self.parts))

    def parts_for(self, text: str) -> tuple[str, ...]:
        """Those that a text may have."""
        return self.ascii_parts if text.isascii() else self.parts


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


_NOT_FOUND = _words(
    r"(?:page|site|url|article|document|content|item|product)s? (?:was |is |were )?(?:not|"
    r"can ?not be|can['’]t be|could not be|couldn['’]t be) (?:be )?found",
    r"(?:404|error|file|object|resource)[\s:–|-]{0,3}not found|^not found\b",
    r"(?:page|article|document|content|item|product)[^.]{0,60} (?:does not|doesn['’]t|no longer)"
    r" exists?",
    r"page (?:is )?(?:missing|unavailable|gone)\b|no such page",
    r"seite[^.]{0,30} (?:nicht gefunden|existiert nicht)|nicht gefunden\W*$",
    r"page (?:introuvable|non trouvée|inexistante)|page[^.]{0,40} n['’]existe (?:pas|plus)",
    r"p[áa]gina[^.]{0,30} no (?:encontrada|existe)|no (?:se )?(?:ha )?encontr\w+ la p[áa]gina",
    r"p[áa]gina[^.]{0,30} n[ãa]o (?:foi )?(?:encontrada|existe)",
    r"pagina[^.]{0,30} (?:non (?:è stata )?trovata|non esiste|niet gevonden|bestaat niet)",
    r"strona[^.]{0,30} nie (?:została znaleziona|istnieje)|nie znaleziono strony",
    r"страниц\w[^.]{0,30} не (?:найдена|существует)",
    r"stránka[^.]{0,30} (?:nebyla nalezena|nenalezena|neexistuje)",
    r"sidan[^.]{0,30} (?:hittades inte|finns inte|kunde inte hittas)",
    r"siden[^.]{0,30} (?:ikke fundet|ikke funnet|findes ikke|finnes ikke)",
    r"sayfa\w*[^.]{0,20} bulunamad[ıi]",
    r"(?:ページ|記事)[^。]{0,20}見つかりません|お探しのページ",
    r"(?:页面|頁面|网页|網頁)[^。]{0,10}(?:不存在|未找到|找不到)|找不到[^。]{0,10}(?:页面|頁面|网页)",
    r"페이지를 찾을 수 없",
    r"الصفحة غير موجودة",
)
_404 = re.compile(
    r"(?:^|[|–—·-])\s*(?:oops\W+)?(?:error|http|fehler|erreur|erro|errore|ошибка|错误|エラー)?"
    r"[\s:#]*404(?:[\s:]*(?:error|fehler|page))?[!.]*\s*(?:$|[|–—·-])"
)
_EXPLAINS_404 = _words(
    r"(?:may|might) have been (?:moved|removed|deleted|renamed)",
    r"(?:has|have) been (?:moved|removed|deleted) or",
    r"(?:check|mistyped|wrong)[^.]{0,30} (?:the )?(?:url|address|spelling)",
    r"(?:you (?:are|were)|you['’]re) looking for",
    r"(?:back|return|go) to (?:the |our )?home ?page|zur startseite|à la page d['’]accueil",
    r"(?:volver|ir) (?:al|a la) (?:inicio|página)|voltar (?:para|à|ao)|torna alla home",
    r"на главную|トップページへ|返回首页|回到首頁|홈으로",
)
_DENIED = _words(
    r"access (?:to this (?:page|site|resource)[^.]{0,30} )?(?:was |is |has been )?(?:denied|"
    r"blocked|restricted)",
    r"(?:403|error)[\s:–-]{0,3}forbidden|request (?:was |has been )?(?:blocked|rejected)",
    r"you (?:have been|were|are) (?:temporarily )?(?:blocked|banned)",
    r"attention required! \| cloudflare|pardon our interruption|request unsuccessful",
    r"too many requests|rate limit (?:exceeded|reached)",
    r"not available in your (?:country|region|location)",
    r"zugriff (?:wurde )?(?:verweigert|gesperrt|blockiert)|accès (?:refusé|interdit|bloqué)",
    r"acceso (?:denegado|bloqueado)|acesso (?:negado|bloqueado)|accesso (?:negato|bloccato)",
    r"toegang (?:geweigerd|geblokkeerd)|odmowa dostępu|dostęp zabroniony|přístup odepřen",
    r"доступ[^.]{0,30} (?:запрещ[её]н|ограничен|заблокирован)|erişim engellendi",
    r"访问被拒绝|拒绝访问|存取被拒|アクセスが(?:拒否|制限)|접근이 (?:거부|차단)",
)
_BLOCKED_BECAUSE = _words(
    r"reference #\s?[0-9a-f.]{4}|(?:incident|support|event|request) id\b|\bray id\b",
    r"(?:don['’]t|do not) have permission to access",
    r"unusual (?:traffic|activity)|suspicious activity|malicious|automated (?:access|requests|"
    r"queries|traffic|tool)|bot (?:activity|traffic)|you (?:are|were|might be) a (?:ro)?bot",
    r"your ip(?: address)?\b|security (?:policy|service|rule|solution)|firewall",
    r"(?:contact|consult)[^.]{0,30} (?:the )?(?:site|website|system)?\s?(?:owner|administrator)",
    r"ihre ip|votre (?:adresse )?ip|su (?:dirección )?ip|seu (?:endereço )?ip|ваш ip|您的ip",
    r"(?:slow down|try again (?:later|in))|ungewöhnliche[nr]? (?:aktivität|datenverkehr)",
)
# Of the source, which is searched as it is written.
_BLOCK_SERVICES = re.compile(
    r"_Incapsula_Resource|Incapsula incident|The requested URL was rejected|edgesuite\.net"
    r"|Sucuri Website Firewall|cf-error-details|cf-wrapper"
)
_CAPTCHA_SERVICES = re.compile(
    r"captcha-delivery\.com|px-captcha|\bcf-chl|_cf_chl_opt|gokuProps"
)
_CAPTCHA_BOXES = re.compile(
    r"g-recaptcha|recaptcha/(?:api|enterprise)|h-captcha|hcaptcha\.com|cf-turnstile|turnstile/v0"
    r"|arkoselabs|geetest|smartcaptcha|frc-captcha|<(?:input|img|iframe)\b[^<>]{0,300}captcha"
)
_ARE_YOU_HUMAN = _words(
    r"(?:verify|confirm|prove|check|make sure|ensure)[^.]{0,20} you(?: are|['’]re) (?:a |not a )?"
    r"(?:human|(?:ro)?bot)",
    r"are you (?:a )?(?:human|(?:ro)?bot)|(?:am|['’]m|are) not a (?:ro)?bot",
    r"(?:complete|solve|pass|fill)[^.]{0,20} (?:captcha|security check|puzzle|challenge)",
    r"checking (?:your browser|if the site connection)|press (?:&|and) hold|human verification",
    r"(?:enter|type) the (?:characters|letters|code)[^.]{0,20} (?:see|shown|image|picture|below)",
    r"kein roboter|ein mensch sind|pas un robot|êtes (?:bien )?(?:un )?humain",
    r"no (?:soy|eres) un robot|eres (?:un )?humano|não (?:é|sou) um robô|non (?:sono|sei) un robot",
    r"geen robot|не робот|人机验证|不是机器人|安全验证|ロボットではありません|로봇이 아닙니다",
    r"^just a moment\.\.\.",
)
_OTHER_FIELDS = re.compile(
    r"<textarea(?![^<>]{0,200}recaptcha)"
    r"|<input\b[^<>]{0,300}type\s*=\s*[\"']?(?:email|tel|password|file)",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"<input\b[^<>]{0,300}type\s*=\s*[\"']?password", re.IGNORECASE
)
LOGIN_PATH = re.compile(
    r"/(?:[\w.-]{0,20}[-_])?(?:log-?in|log_in|sign-?in|sign_in|logon|auth|authenticate|sso|saml2?|"
    r"oauth2?|openid[\w-]{0,10}|adfs|wp-login|anmelden|anmeldung|connexion|acceso|"
    r"iniciar-sesion|entrar|accedi|inloggen|session/new)(?:[/.?]|$)"
)
_LOGIN_TITLE = _words(
    r"\blog[\s-]?(?:in|on)\b|\bsign[\s-]?in\b|\banmeld(?:en|ung)\b|\beinloggen\b|\bconnexion\b",
    r"se connecter|identifi(?:ez|cation)|inici(?:ar|a) sesi[óo]n|acceso (?:a|de) |\bentrar\b",
    r"\baccedi\b|\baanmelden\b|\binloggen\b|zaloguj|logowani|\bвход|войти|авторизац|přihl[áa]",
    r"logga in|logg inn|log ind|oturum aç|giriş yap|ログイン|登录|登入|로그인|تسجيل الدخول",
)
_PLEASE_LOG_IN = _words(
    r"(?:please|must|need to|have to) (?:be )?(?:log(?:ged)?|sign(?:ed)?)[\s-]?in"
    r"(?! to (?:reply|post|comment|vote|add|write|like|rate|leave))",
    r"(?:log|sign)[\s-]?in (?:to|with) (?:continue|view|access|see|proceed|your|use)",
    r"session (?:has )?(?:expired|timed out)|you (?:have been|are) (?:logged|signed) out",
    r"(?:melden sie sich|melde dich)[^.]{0,40} an\b|müssen (?:sich anmelden|angemeldet sein)",
    r"sitzung (?:ist )?abgelaufen|veuillez vous (?:connecter|identifier)|vous devez (?:être|vous)",
    r"(?:debe[ns]?|tienes que|para continuar)[^.]{0,20} inici\w+ sesi[óo]n|inicia sesi[óo]n para",
    r"faça (?:o )?login|precisa (?:fazer login|estar logado)|effettua l['’]accesso|devi accedere",
    r"log in om|zaloguj się,? aby|необходимо (?:войти|авторизоваться)|войдите|přihlaste se",
    r"ログインしてください|ログインが必要|请先?登录|請先?登入|로그인(?:이 필요|해 주)",
)
_EMPTY_ROOT = re.compile(
    r"<(div|main|section)\b[^<>]{0,200}\bid\s*=\s*[\"']?(?:root|app|__next|__nuxt|___gatsby|"
    r"q-app|react-root|main-app|app-root|application|svelte|mount|container)[\"'\s>]"
    r"[^<>]{0,200}>?\s*(?:<!--[^<>]{0,100}-->\s*)?</\1>"
    r"|<([a-z]{1,20}-[a-z-]{1,30})(?: [^<>]{0,200})?>\s*(?:loading[.…]*\s*)?</\2>",
    re.IGNORECASE,
)
_SCRIPT_FILE = re.compile(r"<script\b[^<>]{0,300}\bsrc\s*=", re.IGNORECASE)
_NOT_FOUND_PATH = re.compile(
    r"/(?:error/?)?(?:404|not[-_]?found|page[-_]?not[-_]?found|fehler|error)(?:[/.?]|$)"
)

_OF_NOT_FOUND = (
    "not found", "be found", "exist", "page is", "page unav", "missing", "gone", "no such",
    "gefunden", "introuvable", "trouvée", "encontr", "trovata", "gevonden", "bestaat", "istnieje",
    "znalezion", "найдена", "существует", "nalezena", "hittades", "hittas", "finns", "findes",
    "finnes", "funnet", "fundet", "bulunamad", "見つかりません", "お探し", "不存在", "未找到",
    "找不到", "찾을", "غير",
)  # fmt: skip
_OF_DENIED = (
    "denied", "blocked", "restricted", "forbidden", "rejected", "banned", "attention required",
    "pardon our", "unsuccessful", "too many", "rate limit", "not available in", "verweigert",
    "gesperrt", "blockiert", "refusé", "interdit", "bloqu", "negado", "negato", "bloccato",
    "geweigerd", "geblokkeerd", "odmowa", "zabroniony", "odepřen", "доступ", "engellendi", "访问",
    "存取", "アクセス", "접근",
)  # fmt: skip
_OF_HUMAN = (
    "human", "robot", " bot", "captcha", "security check", "puzzle", "challenge", "checking",
    "press &", "press and", "the characters", "the letters", "the code", "roboter", "mensch sind",
    "humain", "robô", "робот", "验证", "机器人", "ロボット", "로봇", "just a moment",
)  # fmt: skip
_OF_LOGIN = (
    "log", "sign", "anmeld", "connexion", "connecter", "identifi", "sesi", "acceso", "entrar",
    "accedi", "вход", "войти", "авториз", "přihl", "oturum", "giriş", "ログイン", "登录", "登入",
    "로그인", "تسجيل",
)  # fmt: skip
_OF_PLEASE_LOG_IN = (
    "log in", "log-in", "login", "logged", "sign in", "sign-in", "signin", "signed", "session",
    "sitzung", "melden sie", "melde dich", "angemeldet", "veuillez", "vous devez", "sesi",
    "accesso", "accedere", "zaloguj", "авториз", "войти", "войдите", "přihlaste", "ログイン",
    "登录", "登入", "로그인",
)  # fmt: skip
_OF_CAPTCHA_SERVICES = (
    "captcha-delivery", "px-captcha", "cf-chl", "_cf_chl_opt", "gokuProps",
)  # fmt: skip
_OF_CAPTCHA_BOXES = ("captcha", "turnstile", "arkoselabs", "geetest")
_OF_BLOCK_SERVICES = (
    "Incapsula", "URL was rejected", "edgesuite", "Sucuri", "cf-error-details", "cf-wrapper",
)  # fmt: skip
_OF_PASSWORD = ("assword", "ASSWORD")
# By flag, what is looked at; what is cheap and rare first, for a flag out of reach is left.
SIGNS: Final[Mapping[str, tuple[Sign, ...]]] = {
    "soft_404": (
        Sign("path", 3, _NOT_FOUND_PATH),
        Sign("title", 4, _NOT_FOUND, _OF_NOT_FOUND, 0.4),
        Sign("title", 4, _404, ("404",)),
        Sign("line", 3, _NOT_FOUND, _OF_NOT_FOUND, 0.4),
        Sign("line", 2, _404, ("404",)),
        Sign("text", 2, _EXPLAINS_404),
    ),
    "block_page": (
        Sign("title", 3, _DENIED, _OF_DENIED, 0.4),
        Sign("line", 3, _DENIED, _OF_DENIED, 0.4),
        Sign("source", 3, _BLOCK_SERVICES, _OF_BLOCK_SERVICES),
        Sign("text", 2, _BLOCKED_BECAUSE),
    ),
    "captcha": (
        Sign("title", 2, _ARE_YOU_HUMAN, _OF_HUMAN),
        Sign("text", 4, _ARE_YOU_HUMAN, _OF_HUMAN),
        Sign("source", 4, _CAPTCHA_SERVICES, _OF_CAPTCHA_SERVICES),
        Sign("source", 3, _CAPTCHA_BOXES, _OF_CAPTCHA_BOXES),
        Sign("source", -3, _OTHER_FIELDS),
    ),
    "login_wall": (
        Sign("path", 3, LOGIN_PATH),
        Sign("title", 2, _LOGIN_TITLE, _OF_LOGIN),
        Sign("text", 3, _PLEASE_LOG_IN, _OF_PLEASE_LOG_IN),
        Sign("source", 3, _PASSWORD, _OF_PASSWORD),
    ),
    "empty_shell": (
        Sign("source", 3, _EMPTY_ROOT),
        Sign("source", 1, _SCRIPT_FILE),
    ),
}

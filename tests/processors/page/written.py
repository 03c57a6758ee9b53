"""Text of our own in many languages, and the encodings that pages in them had."""

# Language, encodings, text.
WRITTEN = [
    (
        "zh",
        "gbk",
        "昨天下午，市政府召开了新闻发布会，介绍今年城市公园建设的进展情况。负责人表示，全市已经新"
        "增绿地三百公顷，还有十二座社区公园正在施工，预计明年春天可以向市民开放。许多居民希望公园"
        "里能够增加儿童游乐设施和无障碍通道。专家认为，这样的项目不仅改善环境，也能提高人们的生活"
        "质量。欢迎大家通过网站提出意见和建议。",
    ),
    (
        "zh",
        "big5",
        "昨天下午，市政府舉行記者會，說明今年都市公園建設的進度。負責人表示，全市已經新增綠地三百"
        "公頃，還有十二座社區公園正在施工，預計明年春天可以開放給市民使用。許多居民希望公園裡能夠"
        "增加兒童遊樂設施以及無障礙通道。專家認為，這樣的計畫不僅改善環境，也能提升人們的生活品質"
        "。歡迎大家透過網站提出意見與建議。",
    ),
    (
        "ja",
        "shift_jis euc-jp iso-2022-jp",
        "昨日の午後、市役所で記者会見が開かれ、今年の公園整備の進み具合について説明がありました。"
        "担当者によると、すでに三百ヘクタールの緑地が増え、さらに十二か所の公園が工事中です。来年"
        "の春には市民に開放される予定です。子どもの遊び場やバリアフリーの通路を増やしてほしいとい"
        "う声も多く寄せられています。ご意見はホームページからお送りください。",
    ),
    (
        "ko",
        "euc-kr",
        "어제 오후 시청에서 기자회견이 열려 올해 도시 공원 조성 사업의 진행 상황이 소"
        "개되었습니다. 담당자는 이미 녹지가 삼백 헥타르 늘어났으며 열두 곳의 공원이 공"
        "사 중이라고 밝혔습니다. 내년 봄에는 시민들에게 개방될 예정입니다. 많은 주민들"
        "은 어린이 놀이터와 장애인 통로가 늘어나기를 바라고 있습니다. 의견은 홈페이지를"
        " 통해 보내 주시기 바랍니다.",
    ),
    (
        "cs",
        "windows-1250 iso-8859-2",
        "Včera odpoledne se na radnici konala tisková konference o tom, jak pokračuje "
        "výstavba městských parků. Podle náměstka primátora přibylo letos už tři sta hektarů "
        "zeleně a dalších dvanáct parků se právě staví. Otevřít by se měly příští rok na "
        "jaře. Obyvatelé si přejí více dětských hřišť a bezbariérových cest. Své náměty "
        "můžete posílat prostřednictvím našich stránek.",
    ),
    (
        "ru",
        "windows-1251 koi8-r",
        "Вчера днём в городской администрации прошла пресс-конференция о том, как "
        "продвигается строительство городских парков. По словам руководителя, в этом году уже"
        " появилось триста гектаров зелени, а ещё двенадцать парков сейчас строятся. Открыть "
        "их планируют весной следующего года. Жители просят сделать больше детских площадок и"
        " удобных дорожек. Свои предложения вы можете отправить через сайт.",
    ),
    (
        "fr",
        "windows-1252",
        "Hier après-midi, la mairie a tenu une conférence de presse sur l’avancement des "
        "parcs de la ville. D’après la responsable, trois cents hectares de verdure ont déjà "
        "été créés cette année et douze autres parcs sont en chantier. Ils devraient ouvrir "
        "au public dès le printemps prochain. Les habitants souhaitent davantage d’aires de "
        "jeux et des allées accessibles à tous. Envoyez-nous vos idées à l’aide du "
        "formulaire.",
    ),
    (
        "el",
        "windows-1253",
        "Χθες το απόγευμα πραγματοποιήθηκε στο δημαρχείο συνέντευξη τύπου για την πορεία των "
        "έργων στα πάρκα της πόλης. Σύμφωνα με τον υπεύθυνο, φέτος προστέθηκαν ήδη τριακόσια "
        "εκτάρια πρασίνου και άλλα δώδεκα πάρκα βρίσκονται υπό κατασκευή. Αναμένεται να "
        "ανοίξουν για το κοινό την επόμενη άνοιξη. Οι κάτοικοι ζητούν περισσότερες παιδικές "
        "χαρές. Στείλτε τις προτάσεις σας μέσα από την ιστοσελίδα μας.",
    ),
    (
        "he",
        "windows-1255",
        "אתמול אחר הצהריים התקיימה בבניין העירייה מסיבת עיתונאים על התקדמות הקמת הפארקים "
        "בעיר. לדברי האחראית, השנה נוספו כבר שלוש מאות דונם של שטחים ירוקים, ועוד שנים עשר "
        "פארקים נמצאים בבנייה. הם צפויים להיפתח לציבור באביב הבא. תושבים רבים מבקשים להוסיף "
        "גני שעשועים ושבילים נגישים. אפשר לשלוח הצעות דרך האתר שלנו.",
    ),
    (
        "ar",
        "windows-1256",
        "عقد مجلس المدينة أمس بعد الظهر مؤتمرا صحفيا حول سير العمل في إنشاء الحدائق العامة. "
        "وقال المسؤول إن المدينة أضافت هذا العام ثلاثمئة هكتار من المساحات الخضراء، كما يجري "
        "العمل في اثنتي عشرة حديقة أخرى. ومن المتوقع افتتاحها أمام الجمهور في الربيع القادم. "
        "ويطالب السكان بزيادة ملاعب الأطفال والممرات المناسبة للجميع. يمكنكم إرسال اقتراحاتكم"
        " عبر الموقع.",
    ),
    (
        "pl",
        "iso-8859-2 windows-1250",
        "Wczoraj po południu w urzędzie miasta odbyła się konferencja prasowa o postępach w "
        "budowie miejskich parków. Zdaniem zastępcy prezydenta w tym roku przybyło już "
        "trzysta hektarów zieleni, a kolejnych dwanaście parków jest właśnie w budowie. Mają "
        "zostać otwarte wiosną przyszłego roku. Mieszkańcy chcieliby więcej placów zabaw i "
        "ścieżek dla wózków. Państwa uwagi prosimy przesyłać przez naszą stronę.",
    ),
    (
        "de",
        "iso-8859-15",
        "Gestern Nachmittag fand im Rathaus eine Pressekonferenz über den Ausbau der "
        "städtischen Grünflächen statt. Nach Angaben der Bürgermeisterin kamen heuer bereits "
        "dreihundert Hektar hinzu, zwölf weitere Parks würden gerade gebaut. Der Eintritt "
        "kostet künftig 2 € für Gäste. Geöffnet werden sollen sie im nächsten Frühjahr. Viele"
        " wünschen sich größere Spielplätze und breitere Fußwege.",
    ),
    (
        "es",
        "windows-1252",
        "Ayer por la tarde el ayuntamiento celebró una rueda de prensa sobre la marcha de los"
        " parques de la ciudad. Según la responsable, este año ya se han añadido trescientas "
        "hectáreas de zonas verdes y otros doce parques están en construcción. Está previsto "
        "que abran al público la próxima primavera. ¿Qué opina usted? Envíe sus propuestas "
        "mañana mismo a través de nuestra página.",
    ),
    (
        "de",
        "windows-1252",
        "Gestern Nachmittag fand im Rathaus eine Pressekonferenz über den Ausbau der "
        "städtischen Grünflächen statt. Nach Angaben der Bürgermeisterin kamen heuer bereits "
        "dreihundert Hektar hinzu, zwölf weitere Parks würden gerade gebaut. Der Eintritt "
        "kostet künftig 2 Euro für Gäste. Geöffnet werden sollen sie im nächsten Frühjahr. "
        "Viele wünschen sich größere Spielplätze und breitere Fußwege.",
    ),
    (
        "sv",
        "windows-1252",
        "Igår eftermiddag höll kommunen en presskonferens om hur arbetet med stadens parker "
        "går. Enligt den ansvariga har redan trehundra hektar grönområden tillkommit i år, "
        "och ytterligare tolv parker är under byggnad. De väntas öppna för allmänheten nästa "
        "vår. Många boende önskar sig fler lekplatser och bättre gångvägar.",
    ),
    (
        "hu",
        "windows-1250 iso-8859-2",
        "Tegnap délután a városházán sajtótájékoztatót tartottak arról, hogyan halad a városi"
        " parkok építése. A felelős szerint az idén már háromszáz hektár zöldterülettel "
        "bővült a város, további tizenkét park pedig éppen épül. Várhatóan jövő tavasszal "
        "nyílnak meg a közönség előtt. A lakók több játszóteret és jobb gyalogutakat "
        "szeretnének. Észrevételeiket űrlapunkon küldhetik el.",
    ),
    (
        "tr",
        "windows-1254",
        "Dün öğleden sonra belediye binasında şehir parklarının yapımı hakkında bir basın "
        "toplantısı düzenlendi. Sorumlu başkan yardımcısına göre bu yıl şimdiden üç yüz "
        "hektar yeşil alan eklendi, on iki park daha yapım aşamasında. Parkların gelecek "
        "ilkbaharda halka açılması bekleniyor. Mahalle sakinleri daha çok çocuk bahçesi ve "
        "yürüyüş yolu istiyor. Görüşlerinizi sayfamızdan gönderebilirsiniz.",
    ),
    (
        "pt",
        "windows-1252",
        "Ontem à tarde a câmara municipal realizou uma conferência de imprensa sobre o "
        "andamento das obras nos parques da cidade. Segundo a responsável, este ano já foram "
        "acrescentados trezentos hectares de áreas verdes e há mais doze parques em "
        "construção. A abertura ao público está prevista para a próxima primavera. Os "
        "moradores pedem mais espaços para crianças e caminhos acessíveis. Envie as suas "
        "sugestões através da nossa página.",
    ),
    (
        "sk",
        "windows-1250",
        "Včera popoludní sa na radnici konala tlačová konferencia o tom, ako pokračuje "
        "výstavba mestských parkov. Podľa zástupcu primátora pribudlo tento rok už tristo "
        "hektárov zelene a ďalších dvanásť parkov sa práve stavia. Otvoriť by sa mali budúci "
        "rok na jar. Obyvatelia si želajú viac detských ihrísk a bezbariérových ciest. Svoje "
        "návrhy môžete posielať prostredníctvom našich stránok.",
    ),
    (
        "bg",
        "windows-1251",
        "Вчера следобед в общината се проведе пресконференция за това как върви изграждането "
        "на градските паркове. По думите на заместник-кмета тази година вече са добавени "
        "триста хектара зелени площи, а други дванадесет парка се строят в момента. Очаква се"
        " те да бъдат отворени през следващата пролет. Жителите искат повече детски площадки "
        "и по-добри пешеходни алеи. Можете да изпратите предложенията си чрез нашата "
        "страница.",
    ),
    (
        "uk",
        "windows-1251",
        "Учора вдень у міській раді відбулася прес-конференція про те, як просувається "
        "будівництво міських парків. За словами керівниці, цього року вже з’явилося триста "
        "гектарів зелені, а ще дванадцять парків зараз будуються. Відкрити їх планують "
        "наступної весни. Мешканці просять більше дитячих майданчиків і зручних доріжок. Свої"
        " пропозиції ви можете надіслати через наш сайт.",
    ),
    (
        "fr",
        "iso-8859-15",
        "Hier après-midi, la mairie a tenu une conférence de presse sur l'avancement des "
        "parcs de la ville. D'après la responsable, trois cents hectares de verdure ont déjà "
        "été créés cette année, au cœur des quartiers, et douze autres parcs sont en "
        "chantier. Le projet coûte 12 millions d'€ et l'entrée restera gratuite. Les "
        "habitants souhaitent davantage d'aires de jeux et des allées accessibles à tous. "
        "Envoyez-nous vos idées à l'aide du formulaire.",
    ),
]

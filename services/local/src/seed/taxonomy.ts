/** A leaf of the category tree, with the words that its products are made of. */
export interface Shelf {
  readonly slug: string;
  readonly name: string;
  /** Begins the SKUs of its products; three letters that no other shelf has. */
  readonly code: string;
  readonly kinds: readonly string[];
  readonly nouns: readonly string[];
  /** Colour, size or pack, under the attribute that `variantOf` names. */
  readonly variants: readonly string[];
  readonly variantOf: string;
  /** Whole currency units, lowest and highest. */
  readonly prices: readonly [number, number];
  readonly purpose: string;
  readonly features: readonly string[];
  readonly attributes: Readonly<Record<string, readonly string[]>>;
}

export interface Aisle {
  readonly slug: string;
  readonly name: string;
  readonly shelves: readonly Shelf[];
}

export interface Department {
  readonly slug: string;
  readonly name: string;
  readonly brands: readonly string[];
  readonly aisles: readonly Aisle[];
}

const COLOURS = ['Graphite', 'Ivory', 'Midnight Blue', 'Forest Green', 'Silver', 'Terracotta'];
const CLOTHES_COLOURS = ['Navy', 'Charcoal', 'Oatmeal', 'Olive', 'Burgundy', 'Black', 'Ecru', 'Sky Blue'];
const CLOTHES_SIZES = ['XS', 'S', 'M', 'L', 'XL', 'XXL'];
const SHOE_SIZES = ['37', '38', '39', '40', '41', '42', '43', '44', '45'];

/** Names of product lines; every brand has its own of each. */
export const SERIES = [
  ...[
    'Alder',
    'Arc',
    'Atlas',
    'Aurora',
    'Bay',
    'Birch',
    'Canyon',
    'Cedar',
    'Cirrus',
    'Cobalt',
    'Comet',
    'Cove',
    'Delta',
  ],
  ...['Drift', 'Dune', 'Echo', 'Ember', 'Fjord', 'Flint', 'Glade', 'Harbor', 'Haven', 'Horizon', 'Indigo', 'Juniper'],
  ...['Lumen', 'Lyra', 'Meadow', 'Meridian', 'Mesa', 'Nova', 'Onyx', 'Orchard', 'Pine', 'Prairie', 'Ridge', 'Sierra'],
  ...['Solstice', 'Summit', 'Tide', 'Vale', 'Willow', 'Zenith'],
];

/** Seven departments, sixteen aisles and 37 shelves: 60 categories; 80 brands, each at home in one department. */
export const DEPARTMENTS: readonly Department[] = [
  {
    slug: 'electronics',
    name: 'Electronics',
    brands: [
      ...['Auralis', 'Brightwave', 'Hexacore', 'Kestrel', 'Lumatek', 'Nimbus', 'Northlink', 'Orbita', 'Pixelon'],
      ...['Quantia', 'Sonare', 'Tessera', 'Voltera', 'Zephyr Labs'],
    ],
    aisles: [
      {
        slug: 'audio',
        name: 'Audio',
        shelves: [
          {
            slug: 'headphones',
            name: 'Headphones',
            code: 'HDP',
            kinds: ['Wireless', 'Noise-Cancelling', 'Studio', 'Foldable', 'Hi-Res'],
            nouns: ['Over-Ear Headphones', 'On-Ear Headphones'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [39, 449],
            purpose: 'long listening, at home and on the move',
            features: [
              'Memory-foam cushions keep the weight off your ears',
              'A ten-minute charge gives three more hours of music',
              'Two microphones keep your voice clear on a busy street',
            ],
            attributes: {
              Battery: ['24 h', '30 h', '38 h', '50 h'],
              Driver: ['32 mm', '40 mm', '50 mm'],
              Bluetooth: ['5.2', '5.3', '5.4'],
            },
          },
          {
            slug: 'earbuds',
            name: 'Earbuds',
            code: 'EAR',
            kinds: ['True Wireless', 'Sport', 'Noise-Cancelling', 'Compact'],
            nouns: ['Earbuds', 'In-Ear Headphones'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [24, 279],
            purpose: 'commutes, calls and runs in the rain',
            features: [
              'Four sizes of silicone tips come in the box',
              'The case charges them three times over',
              'A touch on either side pauses, skips or answers',
            ],
            attributes: {
              Battery: ['6 h', '8 h', '10 h'],
              Protection: ['IPX4', 'IPX5', 'IP57'],
              Bluetooth: ['5.2', '5.3', '5.4'],
            },
          },
          {
            slug: 'speakers',
            name: 'Speakers',
            code: 'SPK',
            kinds: ['Portable', 'Bookshelf', 'Waterproof', 'Multi-Room'],
            nouns: ['Bluetooth Speaker', 'Wireless Speaker'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [29, 599],
            purpose: 'rooms and gardens that deserve a fuller sound',
            features: [
              'Two of them pair as left and right',
              'Passive radiators carry the bass without a boom',
              'The woven cover shrugs off dust and splashes',
            ],
            attributes: {
              Power: ['10 W', '20 W', '40 W', '80 W'],
              Battery: ['10 h', '16 h', '24 h'],
              Protection: ['IPX5', 'IP67'],
            },
          },
        ],
      },
      {
        slug: 'computers',
        name: 'Computers',
        shelves: [
          {
            slug: 'laptops',
            name: 'Laptops',
            code: 'LAP',
            kinds: ['Ultralight', 'Business', 'Creator', 'Convertible', 'Student'],
            nouns: ['Laptop', 'Notebook'],
            variants: ['13"', '14"', '15"', '16"', '17"'],
            variantOf: 'Screen',
            prices: [449, 2799],
            purpose: 'a working day away from any socket',
            features: [
              'The lid opens with one finger and lies flat',
              'Two USB-C ports charge it from either side',
              'A matt screen stays readable by the window',
            ],
            attributes: {
              Memory: ['8 GB', '16 GB', '32 GB'],
              Storage: ['256 GB SSD', '512 GB SSD', '1 TB SSD'],
              Battery: ['10 h', '14 h', '18 h'],
            },
          },
          {
            slug: 'keyboards',
            name: 'Keyboards',
            code: 'KEY',
            kinds: ['Mechanical', 'Low-Profile', 'Backlit', 'Ergonomic'],
            nouns: ['Keyboard', 'Compact Keyboard'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [29, 249],
            purpose: 'people who write all day',
            features: [
              'Double-shot keycaps keep their letters for good',
              'It switches between three computers with one key',
              'Fold-out feet give two heights',
            ],
            attributes: {
              Switches: ['Linear', 'Tactile', 'Silent'],
              Connection: ['USB-C', 'Bluetooth', 'USB-C and Bluetooth'],
              Layout: ['ISO', 'ANSI'],
            },
          },
          {
            slug: 'monitors',
            name: 'Monitors',
            code: 'MON',
            kinds: ['4K', 'Ultrawide', 'Gaming', 'Office', 'Colour-Accurate'],
            nouns: ['Monitor', 'Display'],
            variants: ['24"', '27"', '32"', '34"', '38"'],
            variantOf: 'Screen',
            prices: [139, 1499],
            purpose: 'desks where detail counts',
            features: [
              'One USB-C cable carries picture, data and power',
              'Height, tilt and swivel move with a fingertip',
              'The panel is calibrated before it leaves the factory',
            ],
            attributes: {
              Panel: ['IPS', 'VA', 'OLED'],
              'Refresh rate': ['60 Hz', '120 Hz', '165 Hz'],
              Mount: ['VESA 75', 'VESA 100'],
            },
          },
        ],
      },
      {
        slug: 'mobile',
        name: 'Mobile Accessories',
        shelves: [
          {
            slug: 'chargers',
            name: 'Chargers',
            code: 'CHG',
            kinds: ['GaN', 'Fast', 'Travel', 'Wireless'],
            nouns: ['Charger', 'Charging Station'],
            variants: ['20 W', '30 W', '45 W', '65 W', '100 W'],
            variantOf: 'Power',
            prices: [14, 119],
            purpose: 'a bag with one plug less',
            features: [
              'It shares its power out between all ports',
              'The pins fold away',
              'It stays cool enough to hold at full load',
            ],
            attributes: {
              Ports: ['1 × USB-C', '2 × USB-C', '2 × USB-C, 1 × USB-A'],
              Plug: ['EU', 'UK', 'US', 'EU, UK and US'],
              Cable: ['Not included', '1 m', '2 m'],
            },
          },
          {
            slug: 'power-banks',
            name: 'Power Banks',
            code: 'PWB',
            kinds: ['Slim', 'Rugged', 'Magnetic', 'Solar'],
            nouns: ['Power Bank', 'Portable Battery'],
            variants: ['5,000 mAh', '10,000 mAh', '20,000 mAh', '27,000 mAh'],
            variantOf: 'Capacity',
            prices: [19, 129],
            purpose: 'weekends without a wall socket',
            features: [
              'Four lights show what is left',
              'It charges and is charged at the same time',
              'It may be carried on board an aircraft',
            ],
            attributes: {
              Output: ['18 W', '22.5 W', '45 W'],
              Ports: ['1 × USB-C', 'USB-C and USB-A'],
              Weight: ['180 g', '240 g', '390 g'],
            },
          },
          {
            slug: 'phone-cases',
            name: 'Phone Cases',
            code: 'PHC',
            kinds: ['Slim', 'Leather', 'Shockproof', 'Rugged'],
            nouns: ['Phone Case', 'Bumper Case'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [9, 59],
            purpose: 'phones that are dropped now and then',
            features: [
              'A raised edge keeps the glass off the table',
              'Buttons click as they did without it',
              'It charges wirelessly with the case on',
            ],
            attributes: {
              'Drop height': ['1.2 m', '2 m', '3 m'],
              Magnets: ['Yes', 'No'],
              Finish: ['Matt', 'Soft-touch', 'Grained'],
            },
          },
        ],
      },
    ],
  },
  {
    slug: 'home-kitchen',
    name: 'Home & Kitchen',
    brands: [
      ...[
        'Alba & Stone',
        'Brasserie Noord',
        'Casa Lino',
        'Copperleaf',
        'Fernhill',
        'Hearthwell',
        'Ironbark',
        'Larkspur',
      ],
      ...['Maison Bleue', 'Oakridge', 'Saltwood', 'Willowmere'],
    ],
    aisles: [
      {
        slug: 'cookware',
        name: 'Cookware',
        shelves: [
          {
            slug: 'frying-pans',
            name: 'Frying Pans',
            code: 'FRY',
            kinds: ['Non-Stick', 'Cast-Iron', 'Stainless-Steel', 'Ceramic', 'Carbon-Steel'],
            nouns: ['Frying Pan', 'Skillet'],
            variants: ['20 cm', '24 cm', '26 cm', '28 cm', '30 cm'],
            variantOf: 'Diameter',
            prices: [19, 189],
            purpose: 'cooks who want an even heat',
            features: [
              'The handle is riveted and stays cool on the hob',
              'It goes from the hob into the oven',
              'A wide rim pours without a drip',
            ],
            attributes: {
              Hobs: ['All hobs and induction', 'Gas and electric'],
              'Oven-proof': ['180 °C', '220 °C', '260 °C'],
              Dishwasher: ['Yes', 'By hand only'],
            },
          },
          {
            slug: 'saucepans',
            name: 'Saucepans',
            code: 'SCP',
            kinds: ['Stainless-Steel', 'Copper-Core', 'Enamelled', 'Hard-Anodised'],
            nouns: ['Saucepan', 'Casserole'],
            variants: ['1 l', '1.5 l', '2 l', '3 l', '4.5 l'],
            variantOf: 'Volume',
            prices: [24, 229],
            purpose: 'sauces that must not catch',
            features: [
              'A thick base spreads the heat to the edge',
              'Marks inside save the measuring jug',
              'The lid sits tight and rests on the rim',
            ],
            attributes: {
              Hobs: ['All hobs and induction', 'Gas and electric'],
              Lid: ['Glass', 'Steel'],
              Dishwasher: ['Yes', 'By hand only'],
            },
          },
          {
            slug: 'kitchen-knives',
            name: 'Kitchen Knives',
            code: 'KNF',
            kinds: ['Forged', 'Damascus', 'Japanese-Style', 'Everyday'],
            nouns: ["Chef's Knife", 'Santoku Knife', 'Utility Knife'],
            variants: ['12 cm', '15 cm', '18 cm', '20 cm'],
            variantOf: 'Blade',
            prices: [19, 259],
            purpose: 'clean cuts, year after year',
            features: [
              'The full tang balances it at the finger',
              'It takes an edge on any stone',
              'The handle is shaped for either hand',
            ],
            attributes: {
              Hardness: ['56 HRC', '58 HRC', '61 HRC'],
              Handle: ['Walnut', 'Olive wood', 'Composite'],
              Dishwasher: ['By hand only'],
            },
          },
        ],
      },
      {
        slug: 'bedding',
        name: 'Bedding',
        shelves: [
          {
            slug: 'duvet-covers',
            name: 'Duvet Covers',
            code: 'DVT',
            kinds: ['Linen', 'Percale', 'Sateen', 'Flannel'],
            nouns: ['Duvet Cover', 'Duvet Cover Set'],
            variants: ['Single', 'Double', 'King', 'Super King'],
            variantOf: 'Size',
            prices: [29, 249],
            purpose: 'nights that are neither too warm nor too cold',
            features: [
              'It closes with hidden buttons',
              'The fabric was washed before it was sewn',
              'Ties inside keep the duvet in its corners',
            ],
            attributes: {
              Colour: ['White', 'Stone', 'Sage', 'Dusk Blue'],
              Wash: ['40 °C', '60 °C'],
              Certificate: ['OEKO-TEX Standard 100', 'GOTS'],
            },
          },
          {
            slug: 'pillows',
            name: 'Pillows',
            code: 'PLW',
            kinds: ['Memory-Foam', 'Down', 'Cooling', 'Anti-Allergy'],
            nouns: ['Pillow', 'Side-Sleeper Pillow'],
            variants: ['40 × 60 cm', '50 × 75 cm', '40 × 80 cm', '80 × 80 cm'],
            variantOf: 'Size',
            prices: [19, 149],
            purpose: 'necks that want to be held',
            features: [
              'Take filling out until it is right for you',
              'The cover unzips for the wash',
              'It comes back to its shape by morning',
            ],
            attributes: {
              Firmness: ['Soft', 'Medium', 'Firm'],
              Wash: ['40 °C', '60 °C'],
              Height: ['10 cm', '12 cm', '14 cm'],
            },
          },
        ],
      },
      {
        slug: 'lighting',
        name: 'Lighting',
        shelves: [
          {
            slug: 'table-lamps',
            name: 'Table Lamps',
            code: 'TBL',
            kinds: ['Dimmable', 'Ceramic', 'Brass', 'Rechargeable'],
            nouns: ['Table Lamp', 'Bedside Lamp'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [29, 299],
            purpose: 'a warm corner to read in',
            features: [
              'It dims by touch in three steps',
              'The fabric cord is two metres long',
              'The shade turns to where the light is wanted',
            ],
            attributes: {
              Socket: ['E14', 'E27', 'Built-in LED'],
              Height: ['28 cm', '36 cm', '44 cm'],
              Light: ['2700 K', '3000 K'],
            },
          },
          {
            slug: 'floor-lamps',
            name: 'Floor Lamps',
            code: 'FLR',
            kinds: ['Arched', 'Tripod', 'Reading', 'Dimmable'],
            nouns: ['Floor Lamp', 'Standing Lamp'],
            variants: COLOURS,
            variantOf: 'Colour',
            prices: [59, 499],
            purpose: 'rooms without a light on the ceiling',
            features: [
              'A weighted foot keeps it upright',
              'The foot switch spares you the bend',
              'It goes together without a tool',
            ],
            attributes: {
              Socket: ['E27', 'Built-in LED'],
              Height: ['140 cm', '155 cm', '180 cm'],
              Light: ['2700 K', '3000 K', '2700–5000 K'],
            },
          },
        ],
      },
    ],
  },
  {
    slug: 'clothing',
    name: 'Clothing & Shoes',
    brands: [
      ...[
        'Aldermoor',
        'Bellweather',
        'Calder & Finch',
        'Dunmore',
        'Eastquay',
        'Fable & Thread',
        'Greyfriars',
        'Halden',
      ],
      ...['Isola', 'Juno Mills', 'Kirkby', 'Linden Row', 'Marlowe', 'Norrland'],
    ],
    aisles: [
      {
        slug: 'menswear',
        name: 'Menswear',
        shelves: [
          {
            slug: 'mens-shirts',
            name: "Men's Shirts",
            code: 'MSH',
            kinds: ['Oxford', 'Linen', 'Flannel', 'Poplin'],
            nouns: ['Shirt', 'Button-Down Shirt'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [29, 139],
            purpose: 'days that begin at a desk and end at a table',
            features: [
              'Single-needle seams lie flat',
              'The collar keeps its roll without a tie',
              'It needs little ironing if hung up wet',
            ],
            attributes: {
              Size: CLOTHES_SIZES,
              Fit: ['Slim', 'Regular', 'Relaxed'],
              Cuff: ['One button', 'Two buttons'],
            },
          },
          {
            slug: 'mens-jackets',
            name: "Men's Jackets",
            code: 'MJK',
            kinds: ['Waxed', 'Quilted', 'Waterproof', 'Wool'],
            nouns: ['Jacket', 'Field Jacket'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [79, 449],
            purpose: 'weather that changes its mind',
            features: [
              'The two-way zip opens from below',
              'An inner pocket takes a phone or a map',
              'The cuffs close against the wind',
            ],
            attributes: {
              Size: CLOTHES_SIZES,
              Lining: ['Cotton', 'Recycled polyester'],
              Hood: ['None', 'Fixed', 'Detachable'],
            },
          },
        ],
      },
      {
        slug: 'womenswear',
        name: 'Womenswear',
        shelves: [
          {
            slug: 'womens-dresses',
            name: "Women's Dresses",
            code: 'WDR',
            kinds: ['Wrap', 'Tiered', 'Belted', 'Pleated', 'A-Line'],
            nouns: ['Dress', 'Summer Dress'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [39, 229],
            purpose: 'offices, gardens and the way between',
            features: ['It has pockets, deep ones', 'The lining stops at the knee', 'The waist is tied as you like it'],
            attributes: {
              Size: CLOTHES_SIZES,
              Length: ['Knee', 'Midi', 'Maxi'],
              Material: ['Cotton', 'Viscose', 'Linen'],
            },
          },
          {
            slug: 'womens-knitwear',
            name: "Women's Knitwear",
            code: 'WKN',
            kinds: ['Merino', 'Cashmere-Blend', 'Cable-Knit', 'Ribbed'],
            nouns: ['Sweater', 'Cardigan', 'Roll-Neck Sweater'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [49, 259],
            purpose: 'cool mornings and long evenings',
            features: [
              'The yarn was spun to resist pilling',
              'Fully fashioned shoulders sit where they should',
              'It airs clean overnight',
            ],
            attributes: { Size: CLOTHES_SIZES, Gauge: ['7', '12', '14'], Care: ['Wool wash 30 °C', 'By hand'] },
          },
        ],
      },
      {
        slug: 'shoes',
        name: 'Shoes',
        shelves: [
          {
            slug: 'sneakers',
            name: 'Sneakers',
            code: 'SNK',
            kinds: ['Leather', 'Canvas', 'Knit', 'Suede'],
            nouns: ['Sneakers', 'Low-Top Sneakers'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [49, 199],
            purpose: 'walking all of the city',
            features: [
              'The insole comes out for one of your own',
              'A stitched sole outlives a glued one',
              'They need no breaking in',
            ],
            attributes: { Size: SHOE_SIZES, Sole: ['Rubber', 'Recycled rubber'], Lining: ['Textile', 'Leather'] },
          },
          {
            slug: 'boots',
            name: 'Boots',
            code: 'BTS',
            kinds: ['Chelsea', 'Lace-Up', 'Winter', 'Suede'],
            nouns: ['Boots', 'Ankle Boots'],
            variants: CLOTHES_COLOURS,
            variantOf: 'Colour',
            prices: [89, 379],
            purpose: 'wet leaves, snow and the office after',
            features: [
              'The welt is stitched, so a cobbler can resole them',
              'The tongue is sewn in and keeps water out',
              'Pull tabs help on dark mornings',
            ],
            attributes: { Size: SHOE_SIZES, Sole: ['Rubber', 'Lugged rubber'], Lining: ['Leather', 'Wool'] },
          },
        ],
      },
    ],
  },
  {
    slug: 'sports-outdoors',
    name: 'Sports & Outdoors',
    brands: [
      ...[
        'Altaway',
        'Basecamp Nine',
        'Crestline',
        'Driftwood',
        'Fellrunner',
        'Granite Peak',
        'Highmoor',
        'Kodiak Trail',
      ],
      ...['Overfell', 'Pathfoot', 'Skyrill', 'Wildhatch'],
    ],
    aisles: [
      {
        slug: 'camping',
        name: 'Camping & Hiking',
        shelves: [
          {
            slug: 'tents',
            name: 'Tents',
            code: 'TNT',
            kinds: ['Ultralight', 'Tunnel', 'Geodesic', 'Expedition'],
            nouns: ['Tent', 'Trekking Tent'],
            variants: ['1 Person', '2 Person', '3 Person', '4 Person', '6 Person'],
            variantOf: 'Sleeps',
            prices: [79, 799],
            purpose: 'nights far from the car park',
            features: [
              'Colour-coded poles go up in five minutes',
              'Two doors spare the one inside',
              'The floor seams are taped at the factory',
            ],
            attributes: {
              'Water column': ['2,000 mm', '3,000 mm', '5,000 mm'],
              Seasons: ['3', '4'],
              Colour: ['Moss', 'Sand', 'Slate'],
            },
          },
          {
            slug: 'sleeping-bags',
            name: 'Sleeping Bags',
            code: 'SLP',
            kinds: ['Down', 'Synthetic', 'Roomy', 'Quilted'],
            nouns: ['Sleeping Bag', 'Mummy Sleeping Bag'],
            variants: ['Short', 'Regular', 'Long', 'Wide'],
            variantOf: 'Size',
            prices: [39, 599],
            purpose: 'sleep that lasts until the sun is up',
            features: [
              'The zip is guarded and does not snag',
              'A draught collar closes with one hand',
              'It packs into its own hood',
            ],
            attributes: {
              Comfort: ['+10 °C', '+4 °C', '−2 °C', '−10 °C'],
              Weight: ['0.7 kg', '1.1 kg', '1.6 kg'],
              Zip: ['Left', 'Right'],
            },
          },
          {
            slug: 'backpacks',
            name: 'Backpacks',
            code: 'BPK',
            kinds: ['Trekking', 'Hiking', 'Roll-Top', 'Travel'],
            nouns: ['Backpack', 'Rucksack'],
            variants: ['18 l', '26 l', '38 l', '50 l', '65 l'],
            variantOf: 'Volume',
            prices: [39, 329],
            purpose: 'a load that does not pull at your shoulders',
            features: [
              'The back slides to your length',
              'A rain cover hides in the base',
              'Hip pockets take what you want at hand',
            ],
            attributes: {
              Weight: ['0.6 kg', '1.2 kg', '1.9 kg'],
              Colour: ['Moss', 'Ink', 'Rust'],
              Material: ['Recycled nylon', 'Polyester'],
            },
          },
        ],
      },
      {
        slug: 'fitness',
        name: 'Fitness',
        shelves: [
          {
            slug: 'yoga-mats',
            name: 'Yoga Mats',
            code: 'YGM',
            kinds: ['Cork', 'Natural-Rubber', 'Travel', 'Extra-Thick'],
            nouns: ['Yoga Mat', 'Exercise Mat'],
            variants: ['2 mm', '4 mm', '6 mm', '8 mm'],
            variantOf: 'Thickness',
            prices: [19, 129],
            purpose: 'a firm stand, wet hands or dry',
            features: [
              'It lies flat from the first day',
              'Lines help to find your place',
              'A strap to carry it comes along',
            ],
            attributes: {
              Length: ['173 cm', '183 cm', '200 cm'],
              Colour: ['Plum', 'Sage', 'Ink', 'Sand'],
              Weight: ['0.9 kg', '1.8 kg', '2.6 kg'],
            },
          },
          {
            slug: 'dumbbells',
            name: 'Dumbbells',
            code: 'DMB',
            kinds: ['Hex', 'Chrome', 'Neoprene', 'Cast-Iron'],
            nouns: ['Dumbbell', 'Dumbbell Pair'],
            variants: ['2 kg', '4 kg', '8 kg', '12 kg', '16 kg', '24 kg'],
            variantOf: 'Weight',
            prices: [14, 349],
            purpose: 'training at home without a noise',
            features: [
              'The knurled grip stays dry',
              'Flat sides keep it from rolling off',
              'It stands on its end when you need the space',
            ],
            attributes: {
              Grip: ['28 mm', '32 mm', '35 mm'],
              Handle: ['Straight', 'Contoured'],
              Colour: ['Black', 'Grey'],
            },
          },
        ],
      },
    ],
  },
  {
    slug: 'beauty',
    name: 'Beauty & Care',
    brands: [
      ...[
        'Amberley',
        'Botanique Sud',
        'Calluna',
        'Dermalyn',
        'Evenglow',
        'Florentia',
        'Halcyon Skin',
        'Lunaria',
        'Mirelle',
      ],
      ...['Verbena House'],
    ],
    aisles: [
      {
        slug: 'skin-care',
        name: 'Skin Care',
        shelves: [
          {
            slug: 'face-creams',
            name: 'Face Creams',
            code: 'FCR',
            kinds: ['Hydrating', 'Night', 'Sensitive', 'Firming', 'Oil-Free'],
            nouns: ['Face Cream', 'Moisturiser'],
            variants: ['30 ml', '50 ml', '75 ml', '100 ml'],
            variantOf: 'Contents',
            prices: [9, 119],
            purpose: 'skin that feels tight after washing',
            features: [
              'It sinks in within a minute',
              'It carries no perfume',
              'Dermatologists have tested it on sensitive skin',
            ],
            attributes: {
              'Skin type': ['Dry', 'Combination', 'Oily', 'Sensitive'],
              Ingredient: ['Hyaluronic acid', 'Niacinamide', 'Squalane', 'Ceramides'],
              Vegan: ['Yes', 'No'],
            },
          },
          {
            slug: 'sunscreens',
            name: 'Sunscreens',
            code: 'SUN',
            kinds: ['Mineral', 'Sport', 'Daily', 'Kids'],
            nouns: ['Sunscreen', 'Sun Lotion'],
            variants: ['50 ml', '100 ml', '150 ml', '200 ml'],
            variantOf: 'Contents',
            prices: [9, 59],
            purpose: 'long days by the water',
            features: [
              'It leaves no white film',
              'It holds through eighty minutes of swimming',
              'Its filters are kind to reefs',
            ],
            attributes: { Protection: ['SPF 30', 'SPF 50', 'SPF 50+'], Scent: ['None', 'Light'], Vegan: ['Yes', 'No'] },
          },
        ],
      },
      {
        slug: 'hair-care',
        name: 'Hair Care',
        shelves: [
          {
            slug: 'shampoos',
            name: 'Shampoos',
            code: 'SHP',
            kinds: ['Repair', 'Volume', 'Colour-Care', 'Anti-Dandruff'],
            nouns: ['Shampoo', 'Shampoo Bar'],
            variants: ['Travel Size', 'Standard', 'Family Size', 'Refill'],
            variantOf: 'Pack',
            prices: [6, 49],
            purpose: 'hair that is washed every other day',
            features: [
              'It rinses out without leaving a weight',
              'It does without sulphates and silicone',
              'A little of it goes a long way',
            ],
            attributes: {
              'Hair type': ['Fine', 'Normal', 'Thick', 'Curly'],
              Scent: ['Rosemary', 'Citrus', 'Almond', 'None'],
              Vegan: ['Yes', 'No'],
            },
          },
          {
            slug: 'hair-dryers',
            name: 'Hair Dryers',
            code: 'HDR',
            kinds: ['Ionic', 'Travel', 'Salon', 'Quiet'],
            nouns: ['Hair Dryer', 'Hair Dryer with Diffuser'],
            variants: ['Pearl', 'Black', 'Rose', 'Sage'],
            variantOf: 'Colour',
            prices: [24, 349],
            purpose: 'quick mornings',
            features: [
              'The cool button fixes what you have shaped',
              'It measures its heat forty times a second',
              'The cable is three metres long',
            ],
            attributes: {
              Power: ['1,400 W', '1,800 W', '2,200 W'],
              Steps: ['2', '3', '4'],
              Weight: ['340 g', '480 g', '590 g'],
            },
          },
        ],
      },
    ],
  },
  {
    slug: 'toys-games',
    name: 'Toys & Games',
    brands: [
      ...[
        'Bramble Toys',
        'Cubbington',
        'Dicewright',
        'Foxglove Games',
        'Little Harbour',
        'Pockets & Pawns',
        'Tumbledown',
      ],
      ...['Wonderkin'],
    ],
    aisles: [
      {
        slug: 'games-puzzles',
        name: 'Games & Puzzles',
        shelves: [
          {
            slug: 'board-games',
            name: 'Board Games',
            code: 'BGM',
            kinds: ['Cooperative', 'Strategy', 'Family', 'Party', 'Storytelling'],
            nouns: ['Board Game', 'Card Game'],
            variants: ['English', 'German', 'French', 'Spanish', 'Multilingual'],
            variantOf: 'Language',
            prices: [12, 89],
            purpose: 'tables with time until bedtime',
            features: [
              'The rules are told in five minutes',
              'No two games go the same way',
              'Everything finds its place in the box again',
            ],
            attributes: {
              Players: ['2', '2–4', '3–6', '4–8'],
              Age: ['6+', '8+', '10+', '14+'],
              Duration: ['20 min', '45 min', '90 min'],
            },
          },
          {
            slug: 'jigsaw-puzzles',
            name: 'Jigsaw Puzzles',
            code: 'JIG',
            kinds: ['Wooden', 'Panorama', 'Illustrated', 'Round'],
            nouns: ['Jigsaw Puzzle', 'Puzzle'],
            variants: ['100 Pieces', '300 Pieces', '500 Pieces', '1,000 Pieces', '2,000 Pieces'],
            variantOf: 'Pieces',
            prices: [9, 69],
            purpose: 'rainy afternoons',
            features: [
              'The pieces click and stay',
              'The linen finish does not shine under a lamp',
              'A poster of the picture lies in the box',
            ],
            attributes: {
              Motif: ['Landscape', 'Animals', 'City', 'Map'],
              Age: ['4+', '8+', '12+'],
              'Finished size': ['36 × 26 cm', '50 × 35 cm', '70 × 50 cm'],
            },
          },
        ],
      },
    ],
  },
  {
    slug: 'garden-tools',
    name: 'Garden & Tools',
    brands: [
      ...[
        'Blackthorn',
        'Cogswell',
        'Greenhythe',
        'Hardacre',
        'Millbrook',
        'Plumbline',
        'Rootstock',
        'Steadman',
        'Torqwell',
      ],
      ...['Yardley & Sons'],
    ],
    aisles: [
      {
        slug: 'tools',
        name: 'Tools',
        shelves: [
          {
            slug: 'cordless-drills',
            name: 'Cordless Drills',
            code: 'DRL',
            kinds: ['Brushless', 'Compact', 'Hammer', 'Right-Angle'],
            nouns: ['Cordless Drill', 'Drill Driver'],
            variants: ['12 V', '18 V', '20 V'],
            variantOf: 'Voltage',
            prices: [49, 379],
            purpose: 'shelves, decks and everything between',
            features: [
              'A lamp lights the hole, not your hand',
              'The chuck takes bits without a key',
              'The clutch stops before the screw does',
            ],
            attributes: {
              Torque: ['30 Nm', '55 Nm', '80 Nm'],
              Batteries: ['None', '1 × 2 Ah', '2 × 4 Ah'],
              Chuck: ['10 mm', '13 mm'],
            },
          },
          {
            slug: 'screwdriver-sets',
            name: 'Screwdriver Sets',
            code: 'SCR',
            kinds: ['Precision', 'Insulated', 'Ratcheting', 'Magnetic'],
            nouns: ['Screwdriver Set', 'Bit Set'],
            variants: ['6 Pieces', '12 Pieces', '24 Pieces', '48 Pieces'],
            variantOf: 'Pieces',
            prices: [12, 119],
            purpose: 'screws that others have rounded',
            features: [
              'The tips are hardened and blackened',
              'Every size is marked on the handle',
              'The case stands open by itself',
            ],
            attributes: {
              Steel: ['Chrome vanadium', 'S2'],
              Drives: ['Slotted, Phillips', 'Slotted, Phillips, Torx', 'Torx, hex'],
              Case: ['Roll', 'Box', 'Stand'],
            },
          },
        ],
      },
      {
        slug: 'gardening',
        name: 'Gardening',
        shelves: [
          {
            slug: 'garden-hoses',
            name: 'Garden Hoses',
            code: 'HSE',
            kinds: ['Kink-Free', 'Expandable', 'Rubber', 'Soaker'],
            nouns: ['Garden Hose', 'Hose Set'],
            variants: ['10 m', '15 m', '20 m', '30 m', '50 m'],
            variantOf: 'Length',
            prices: [19, 139],
            purpose: 'beds at the far end of the garden',
            features: [
              'Brass ends do not leak after a winter',
              'It bends around a corner without a fold',
              'It rolls up when it is cold, too',
            ],
            attributes: {
              Diameter: ['13 mm', '15 mm', '19 mm'],
              Pressure: ['15 bar', '20 bar', '30 bar'],
              Guarantee: ['5 years', '10 years'],
            },
          },
          {
            slug: 'planters',
            name: 'Planters',
            code: 'PLT',
            kinds: ['Terracotta', 'Fibrestone', 'Self-Watering', 'Cedar'],
            nouns: ['Planter', 'Plant Pot'],
            variants: ['20 cm', '30 cm', '40 cm', '60 cm'],
            variantOf: 'Width',
            prices: [12, 189],
            purpose: 'balconies that want to be green',
            features: ['A plug in the base lets the rain out', 'Frost does it no harm', 'Feet keep it off the boards'],
            attributes: {
              Colour: ['Natural', 'White', 'Anthracite', 'Sage'],
              Place: ['Inside', 'Outside', 'Inside and outside'],
              Saucer: ['Yes', 'No'],
            },
          },
        ],
      },
    ],
  },
];
